"""Horovod with TensorFlow 1.15 on the digits: processes that hold a shard of the images, and average their slopes over gloo.

Rank 0 checkpoints after each epoch; after a restart it gives the others the weights of the newest checkpoint, and tells them
how many epochs are done. EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import os
import time

import horovod.tensorflow as hvd
import numpy as np
import tensorflow as tf
from checkpoints import Checkpoints
from digits import load
from weights import restored, save, save_model

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.3
THREADS = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=2)


def main():
    tf.logging.set_verbosity(tf.logging.ERROR)
    hvd.init()
    print(f"rank {hvd.rank()} of {hvd.size()}", flush=True)
    images, labels, test_images, test_labels = load("digits.csv.gz", hvd.rank(), hvd.size())
    weights = train(images, labels)
    hidden = np.maximum(test_images @ weights["w1"] + weights["b1"], 0)
    accuracy = float(((hidden @ weights["w2"] + weights["b2"]).argmax(1) == test_labels).mean())
    if hvd.rank() == 0:
        save_model(weights, {"accuracy": accuracy, "epochs": EPOCHS, "tensorflow": tf.__version__})
        print(f"accuracy {accuracy:.2f}", flush=True)


def train(images, labels):
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if hvd.rank() == 0 else None
    begun, first = restored(checkpoints)  # of all others no more than of the right shape
    done = tf.Variable(begun, dtype=tf.int64)
    weights = {name: tf.Variable(value) for name, value in first.items()}
    pictures, wanted = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.int64, [None])
    loss, step = make_step(weights, pictures, wanted)
    share = hvd.broadcast_global_variables(0)
    with tf.Session(config=THREADS) as session:
        session.run(tf.global_variables_initializer())
        session.run(share)
        for epoch in range(int(session.run(done)) + 1, EPOCHS + 1):
            order = np.random.RandomState(epoch).permutation(len(images))
            for at in order[: len(order) - len(order) % BATCH].reshape(-1, BATCH):
                lost, _ = session.run([loss, step], {pictures: images[at], wanted: labels[at]})
            found = session.run(weights)
            if checkpoints:
                with checkpoints.saving(epoch) as folder:
                    save(folder, found)
            print(f"epoch {epoch} of {EPOCHS} loss {lost:.4f}", flush=True)
            time.sleep(SLOW)
        return session.run(weights)


def make_step(weights, pictures, wanted):
    hidden = tf.nn.relu(pictures @ weights["w1"] + weights["b1"])
    odds = hidden @ weights["w2"] + weights["b2"]
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=wanted, logits=odds))
    optimizer = hvd.DistributedOptimizer(tf.train.GradientDescentOptimizer(RATE))
    return loss, optimizer.minimize(loss, var_list=list(weights.values()))


if __name__ == "__main__":
    main()
