"""JAX on the digits: processes that hold a shard of each batch and the same weights.

Process 0 checkpoints after each epoch; after a restart it tells the others what the newest checkpoint holds.
"""

import os
import time

import jax
import jax.numpy as jnp
import numpy as np
from checkpoints import Checkpoints
from digits import load
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec
from weights import restored, save, save_model

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.3


def main():
    # JAX reads JAX_COORDINATOR_ADDRESS by itself; number and id it wants as arguments.
    jax.distributed.initialize(
        num_processes=int(os.environ["JAX_NUM_PROCESSES"]),
        process_id=int(os.environ["JAX_PROCESS_ID"]),
        heartbeat_timeout_seconds=10,
    )
    rank = jax.process_index()
    images, labels, test_images, test_labels = load(shard=rank, shards=jax.process_count())
    weights = train(images, labels.astype(np.int32))
    accuracy = float((forward(weights, test_images).argmax(1) == test_labels).mean())
    if rank == 0:
        save_model(weights, {"accuracy": accuracy, "epochs": EPOCHS, "jax": jax.__version__})
        print(f"accuracy {accuracy:.2f}", flush=True)
    jax.distributed.shutdown()


def forward(weights, images):
    hidden = jax.nn.relu(images @ weights["w1"] + weights["b1"])
    return hidden @ weights["w2"] + weights["b2"]


def loss_of(weights, images, labels):
    odds = jax.nn.log_softmax(forward(weights, images))
    return -jnp.mean(jnp.take_along_axis(odds, labels[:, None], 1))


@jax.jit
def step(weights, images, labels):
    loss, slopes = jax.value_and_grad(loss_of)(weights, images, labels)
    return jax.tree.map(lambda weight, slope: weight - RATE * slope, weights, slopes), loss


def train(images, labels):
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if jax.process_index() == 0 else None
    done, local = restore(checkpoints)
    mesh = jax.make_mesh((jax.device_count(),), ("data",))
    split, same = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (["data"], []))
    weights = jax.device_put(local, same)
    for epoch in range(done + 1, EPOCHS + 1):
        order = np.random.RandomState(epoch).permutation(len(images))
        for at in order[: len(order) - len(order) % BATCH].reshape(-1, BATCH):
            batch = [jax.make_array_from_process_local_data(split, part[at]) for part in (images, labels)]
            weights, loss = step(weights, *batch)
        local = jax.tree.map(lambda part: np.asarray(part.addressable_shards[0].data), weights)
        if checkpoints:
            with checkpoints.saving(epoch) as folder:
                save(folder, local)
        print(f"epoch {epoch} of {EPOCHS} loss {float(loss):.4f}", flush=True)
        time.sleep(SLOW)
    return local


def restore(checkpoints):
    """Epochs trained, and the weights. Only process 0 looks: were all to look, they might see different ones."""
    done, weights = restored(checkpoints)
    done, weights = multihost_utils.broadcast_one_to_all((np.int32(done), weights))
    return int(done), jax.tree.map(np.asarray, weights)


if __name__ == "__main__":
    main()
