"""PyTorch DistributedDataParallel on the digits, over gloo, for plain CPUs.

Every process runs this file; RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say which one it is and where all meet.
Rank 0 checkpoints after each epoch; after a restart it reads the newest checkpoint and tells it to the others.
EPOCHS and SLOW (seconds to rest after each epoch) come from the environment.
"""

import json
import os
import tempfile
import time
from datetime import timedelta

import torch
import torch.distributed as dist
from checkpoints import Checkpoints, publish
from digits import load
from torch import nn
from torch.nn.parallel import DistributedDataParallel

EPOCHS = int(os.environ.get("EPOCHS", "20"))
SLOW = float(os.environ.get("SLOW", "0"))
BATCH, RATE = 32, 0.2


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    dist.init_process_group("gloo", timeout=timedelta(seconds=60))
    rank, size = dist.get_rank(), dist.get_world_size()
    print(f"rank {rank} of {size}", flush=True)
    images, labels, test_images, test_labels = map(torch.from_numpy, load(shard=rank, shards=size))
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    train(network, images, labels)
    if rank == 0:
        accuracy = (network(test_images).argmax(1) == test_labels).float().mean().item()
        save_model(network, {"accuracy": accuracy, "epochs": EPOCHS, "torch": torch.__version__})
        print(f"accuracy {accuracy:.2f}", flush=True)
    dist.barrier()
    dist.destroy_process_group()


def train(network, images, labels):
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.5)
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if dist.get_rank() == 0 else None
    done = restore(checkpoints, network, optimizer)
    model, loss_of = DistributedDataParallel(network), nn.CrossEntropyLoss()
    for epoch in range(done + 1, EPOCHS + 1):
        for at in batches(len(images), seed=epoch):
            optimizer.zero_grad()
            loss = loss_of(model(images[at]), labels[at])
            loss.backward()
            optimizer.step()
        if checkpoints:
            save(checkpoints, network, optimizer, epoch)
        print(f"epoch {epoch} of {EPOCHS} loss {loss.item():.4f}", flush=True)
        time.sleep(SLOW)


def batches(n, seed):
    """Whole batches only, so that all ranks take equally many steps."""
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    return order[: n - n % BATCH].split(BATCH)


def save(checkpoints, network, optimizer, epoch):
    with checkpoints.saving(epoch) as folder:
        # Of the optimizer what it has gathered; its settings stand above.
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()["state"]}
        torch.save(state, os.path.join(folder, "state.pt"))


def restore(checkpoints, network, optimizer):
    """The number of epochs already trained. Only rank 0 looks: were all to look, they might see different ones."""
    found = [(0, None)]
    if checkpoints:
        with checkpoints.newest() as (epoch, folder):
            # weights_only: what a checkpoint holds is data, whoever wrote it, and never code to run.
            state = torch.load(os.path.join(folder, "state.pt"), weights_only=True) if folder else None
            found = [(epoch, state)]
    dist.broadcast_object_list(found)
    epoch, state = found[0]
    if state:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state["optimizer"]})
        print(f"resumed after epoch {epoch}", flush=True)
    return epoch


def save_model(network, metrics):
    """A TorchScript model and metrics.json in SAVED_MODEL_PATH."""
    with tempfile.TemporaryDirectory() as folder:
        torch.jit.script(network).save(os.path.join(folder, "model.pt"))
        with open(os.path.join(folder, "metrics.json"), "w") as file:
            json.dump(metrics, file)
        publish(os.environ["SAVED_MODEL_PATH"], folder)


if __name__ == "__main__":
    main()
