"""TensorFlow 2 with MultiWorkerMirroredStrategy on the digits: workers with a shard of the data and the same weights; no Keras.

Worker 0 checkpoints after each epoch; after a restart the others begin with what it has read, for it gives all of them the first
values of their variables. EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import os
import time

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from checkpoints import Checkpoints
from digits import load
from weights import restored, save, save_model

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.3


def main():
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    resolver = strategy.cluster_resolver
    led = "chief" in resolver.cluster_spec().jobs
    rank = resolver.task_id + (led and resolver.task_type == "worker")
    images, labels, test_images, test_labels = load(shard=rank, shards=strategy.num_replicas_in_sync)
    weights = train(strategy, rank, images, labels)
    hidden = np.maximum(test_images @ weights["w1"] + weights["b1"], 0)
    accuracy = float(((hidden @ weights["w2"] + weights["b2"]).argmax(1) == test_labels).mean())
    if rank == 0:
        save_model(weights, {"accuracy": accuracy, "epochs": EPOCHS, "tensorflow": tf.__version__})
        print(f"accuracy {accuracy:.2f}", flush=True)


def train(strategy, rank, images, labels):
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if rank == 0 else None
    begun, first = restored(checkpoints)  # of all others no more than of the right shape
    with strategy.scope():
        done = tf.Variable(begun, dtype=tf.int64)
        weights = {name: tf.Variable(value) for name, value in first.items()}
    step = make_step(strategy, weights)
    for epoch in range(int(done.numpy()) + 1, EPOCHS + 1):
        order = np.random.RandomState(epoch).permutation(len(images))
        for at in order[: len(order) - len(order) % BATCH].reshape(-1, BATCH):
            loss = step(tf.constant(images[at]), tf.constant(labels[at]))
        if checkpoints:
            with checkpoints.saving(epoch) as folder:
                save(folder, local(weights))
        print(f"epoch {epoch} of {EPOCHS} loss {float(loss):.4f}", flush=True)
        time.sleep(SLOW)
    return local(weights)


def local(weights):
    return {name: weight.values[0].numpy() for name, weight in weights.items()}


def make_step(strategy, weights):
    def on_each(images, labels):
        with tf.GradientTape() as tape:
            hidden = tf.nn.relu(images @ weights["w1"] + weights["b1"])
            odds = hidden @ weights["w2"] + weights["b2"]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, odds))
        slopes = tape.gradient(loss, weights)
        mean = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, slopes)
        for name, weight in weights.items():
            weight.assign_sub(RATE * mean[name])
        return loss

    return tf.function(lambda *batch: strategy.reduce("MEAN", strategy.run(on_each, batch), axis=None))


if __name__ == "__main__":
    main()
