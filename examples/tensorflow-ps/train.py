"""TensorFlow 2 with parameter servers (tf.distribute.ParameterServerStrategy) on the digits; no Keras.

Every process runs this file; TF_CONFIG says which one it is. Workers and parameter servers serve for ever and are stopped when
the chief has finished. The chief hands out the steps, checkpoints after each epoch, and resumes from the newest checkpoint.
EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import json
import os
import tempfile
import time

os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="2")
os.environ["GRPC_FAIL_FAST"] = "use_caller"  # a call to a dead peer fails at once, so that the chief notices

import numpy as np
import tensorflow as tf
from checkpoints import Checkpoints, publish
from digits import load

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
STEPS, BATCH, RATE = 40, 32, 0.2
SHAPES = {"w1": (64, 64), "b1": (64,), "w2": (64, 10), "b2": (10,)}


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    task = resolver.task_type, resolver.task_id
    if task[0] in ("worker", "ps"):
        server = tf.distribute.Server(resolver.cluster_spec(), *task, protocol="grpc")
        print(*task, "serves", flush=True)
        server.join()
    images, labels, test_images, test_labels = load()
    weights = coordinate(tf.distribute.ParameterServerStrategy(resolver), images, labels)
    accuracy = float((odds(weights, test_images).numpy().argmax(1) == test_labels).mean())
    save_model(weights, {"accuracy": accuracy, "epochs": EPOCHS, "tensorflow": tf.__version__})
    print(f"accuracy {accuracy:.2f}", flush=True)


def coordinate(strategy, images, labels):
    """Variables live on the parameter servers. A worker that dies only costs the steps it was at: they run elsewhere."""
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"])
    done, first = restore(checkpoints)
    with strategy.scope():
        weights = {name: tf.Variable(value) for name, value in first.items()}
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images)).repeat().batch(BATCH)
    batches = iter(coordinator.create_per_worker_dataset(data))
    step = tf.function(lambda batches: learn(weights, *next(batches)))
    trained = first
    for epoch in range(done + 1, EPOCHS + 1):
        losses = [coordinator.schedule(step, args=(batches,)) for _ in range(STEPS)]
        coordinator.join()
        trained = {name: weight.numpy() for name, weight in weights.items()}
        with checkpoints.saving(epoch) as folder:
            np.savez(os.path.join(folder, "weights.npz"), **trained)
        print(f"epoch {epoch} of {EPOCHS} loss {losses[-1].fetch():.4f}", flush=True)
        time.sleep(SLOW)
    return trained


def odds(weights, images):
    return tf.nn.relu(images @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]


def learn(weights, images, labels):
    with tf.GradientTape() as tape:
        found = odds(weights, images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, found))
    for name, slope in tape.gradient(loss, weights).items():
        weights[name].assign_sub(RATE * slope)
    return loss


def restore(checkpoints):
    """The number of epochs already trained, and the weights."""
    chance = np.random.RandomState(1)
    weights = {name: (chance.randn(*shape) * 0.12).astype(np.float32) for name, shape in SHAPES.items()}
    with checkpoints.newest() as (epoch, folder):
        print(f"{'resumed' if epoch else 'begun'} after epoch {epoch}", flush=True)
        return epoch, dict(np.load(os.path.join(folder, "weights.npz"))) if folder else weights


def save_model(weights, metrics):
    """A SavedModel, fit to be used without a cluster, and metrics.json in SAVED_MODEL_PATH."""
    model, images = tf.Module(), tf.TensorSpec([None, 64], tf.float32)
    model.weights = {name: tf.Variable(value) for name, value in weights.items()}
    model.odds = tf.function(lambda images: odds(model.weights, images), input_signature=[images])
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder, signatures=model.odds)
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)


if __name__ == "__main__":
    main()
