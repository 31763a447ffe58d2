"""MXNet on the digits: workers that push their gradients to the servers of a kvstore and pull weights from it.

Rank 0 (MXNet gives out ranks itself) checkpoints after each epoch; after a restart all read the newest checkpoint, and wait
for each other before the first step. EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import json
import os
import tempfile
import time

import mxnet
import numpy as np
from checkpoints import Checkpoints, publish
from digits import load
from mxnet import autograd, gluon, nd

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.2


def main():
    store = mxnet.kv.create("dist_sync")
    print(f"rank {store.rank} of {store.num_workers}", flush=True)
    images, labels, test_images, test_labels = load(shard=store.rank, shards=store.num_workers)
    mxnet.random.seed(1)
    network = gluon.nn.Sequential()
    network.add(gluon.nn.Dense(64, in_units=64, activation="relu"), gluon.nn.Dense(10, in_units=64))
    network.initialize(mxnet.init.Xavier())
    train(network, store, images, labels)
    accuracy = float((network(nd.array(test_images)).asnumpy().argmax(1) == test_labels).mean())
    if store.rank == 0:
        save_model(network, {"accuracy": accuracy, "epochs": EPOCHS, "mxnet": mxnet.__version__})
        print(f"accuracy {accuracy:.2f}", flush=True)
    store._barrier()


def train(network, store, images, labels):
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"])
    done = restore(checkpoints, network)
    store._barrier()  # nobody saves before all have read
    trainer = gluon.Trainer(network.collect_params(), "sgd", {"learning_rate": RATE}, kvstore=store)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    for epoch in range(done + 1, EPOCHS + 1):
        for at in batches(len(images), epoch):
            with autograd.record():
                loss = loss_of(network(nd.array(images[at])), nd.array(labels[at]))
            loss.backward()
            trainer.step(BATCH * store.num_workers)
        if store.rank == 0:
            with checkpoints.saving(epoch) as folder:
                network.save_parameters(os.path.join(folder, "network.params"))
        print(f"epoch {epoch} of {EPOCHS} loss {loss.mean().asscalar():.4f}", flush=True)
        time.sleep(SLOW)


def batches(n, seed):
    """Whole batches only, so that all ranks take equally many steps."""
    order = np.random.RandomState(seed).permutation(n)
    return order[: n - n % BATCH].reshape(-1, BATCH)


def restore(checkpoints, network):
    with checkpoints.newest() as (epoch, folder):
        if folder:
            network.load_parameters(os.path.join(folder, "network.params"))
            print(f"resumed after epoch {epoch}", flush=True)
    return epoch


def save_model(network, metrics):
    with tempfile.TemporaryDirectory() as folder:
        network.save_parameters(os.path.join(folder, "network.params"))
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)


if __name__ == "__main__":
    main()
