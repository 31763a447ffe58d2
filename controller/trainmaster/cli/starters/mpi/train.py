"""Each rank runs this; rank 0 saves, and after a restart tells the others what the newest checkpoint holds."""

import os

import numpy as np
from checkpoints import Checkpoints, publish
from mpi4py import MPI

EPOCHS = 5
WORLD = MPI.COMM_WORLD


def main():
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if WORLD.rank == 0 else None
    done, weights = restore(checkpoints)
    for epoch in range(done + 1, EPOCHS + 1):
        for inputs, wanted in batches(epoch):
            off = inputs @ weights - wanted
            slope = 2 * inputs.T @ off / len(off)
            weights = weights - 0.1 * WORLD.allreduce(slope) / WORLD.size
        if checkpoints:
            with checkpoints.saving(epoch) as folder:
                np.save(f"{folder}/weights.npy", weights)
        print(f"epoch {epoch} of {EPOCHS} loss {(off**2).mean():.4f} on rank {WORLD.rank}", flush=True)
    if checkpoints:
        with checkpoints.newest() as (_, folder):
            publish(os.environ["SAVED_MODEL_PATH"], folder)


def batches(epoch):
    """TODO: your data; the shard of this process is WORLD.rank of WORLD.size."""
    chance = np.random.default_rng(1000 * epoch + WORLD.rank)
    for _ in range(20):
        inputs = chance.normal(size=(32, 8))
        yield inputs, inputs.sum(1)


def restore(checkpoints):
    """Epochs done, and the weights. Only rank 0 looks: were all to look, they might see different ones."""
    epoch, weights = 0, np.zeros(8)
    if checkpoints:
        with checkpoints.newest() as (epoch, folder):
            weights = np.load(f"{folder}/weights.npy") if folder else weights
        if epoch:
            print(f"resumed after epoch {epoch}", flush=True)
    return WORLD.bcast((epoch, weights))


if __name__ == "__main__":
    main()
