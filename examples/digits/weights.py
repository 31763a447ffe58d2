"""The weights of a small network of two layers, kept as a file of numpy's: for trainings whose framework brings no format."""

import json
import os
import tempfile

import numpy as np
from checkpoints import publish

SHAPES = {"w1": (64, 64), "b1": (64,), "w2": (64, 10), "b2": (10,)}


def first():
    """What a training begins with, always alike."""
    chance = np.random.RandomState(1)
    return {name: (chance.randn(*shape) * 0.12).astype(np.float32) for name, shape in SHAPES.items()}


def restored(checkpoints):
    """Epochs trained, and the weights, of the newest checkpoint; without checkpoints what a training begins with."""
    if not checkpoints:
        return 0, first()
    with checkpoints.newest() as (epoch, folder):
        print(f"{'resumed' if epoch else 'begun'} after epoch {epoch}", flush=True)
        return epoch, dict(np.load(os.path.join(folder, "weights.npz"))) if folder else first()


def save(folder, weights):
    """Into the folder of a checkpoint, or of a model."""
    np.savez(os.path.join(folder, "weights.npz"), **weights)


def save_model(weights, metrics):
    """Into SAVED_MODEL_PATH, with metrics.json."""
    with tempfile.TemporaryDirectory() as folder:
        save(folder, weights)
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)
