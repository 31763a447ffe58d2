"""MPI on the digits: ranks that hold a shard of the images and the same weights, and add up their slopes with Allreduce.

Rank 0 checkpoints after each epoch; after a restart it tells the others what the newest checkpoint holds.
"""

import os
import time

import numpy as np
from checkpoints import Checkpoints
from digits import load
from mpi4py import MPI
from weights import restored, save, save_model

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.3
WORLD = MPI.COMM_WORLD


def main():
    images, labels, test_images, test_labels = load(shard=WORLD.rank, shards=WORLD.size)
    weights = train(images, labels)
    accuracy = float((forward(weights, test_images)[1].argmax(1) == test_labels).mean())
    if WORLD.rank == 0:
        save_model(weights, {"accuracy": accuracy, "epochs": EPOCHS, "ranks": WORLD.size})
        print(f"accuracy {accuracy:.2f}", flush=True)


def forward(weights, images):
    hidden = np.maximum(images @ weights["w1"] + weights["b1"], 0)
    return hidden, hidden @ weights["w2"] + weights["b2"]


def slopes(weights, images, labels):
    hidden, odds = forward(weights, images)
    odds = np.exp(odds - odds.max(1, keepdims=True))
    odds /= odds.sum(1, keepdims=True)
    loss = -np.log(odds[range(len(labels)), labels]).mean()
    odds[range(len(labels)), labels] -= 1
    back = (odds @ weights["w2"].T) * (hidden > 0)
    found = {"w1": images.T @ back, "b1": back.sum(0), "w2": hidden.T @ odds, "b2": odds.sum(0)}
    return loss, {name: slope / len(labels) for name, slope in found.items()}


def train(images, labels):
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if WORLD.rank == 0 else None
    done, weights = restore(checkpoints)
    for epoch in range(done + 1, EPOCHS + 1):
        order = np.random.RandomState(epoch).permutation(len(images))
        for at in order[: len(order) - len(order) % BATCH].reshape(-1, BATCH):
            loss, mine = slopes(weights, images[at], labels[at])
            for name, slope in mine.items():
                total = np.empty_like(slope)
                WORLD.Allreduce(slope, total)
                weights[name] -= RATE * total / WORLD.size
        if checkpoints:
            with checkpoints.saving(epoch) as folder:
                save(folder, weights)
        print(f"epoch {epoch} of {EPOCHS} loss {loss:.4f} on rank {WORLD.rank}", flush=True)
        time.sleep(SLOW)
    return weights


def restore(checkpoints):
    """Epochs trained, and the weights. Only rank 0 looks: were all to look, they might see different ones."""
    return WORLD.bcast(restored(checkpoints))


if __name__ == "__main__":
    main()
