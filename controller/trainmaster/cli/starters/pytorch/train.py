"""Each process runs this; rank 0 saves, and after a restart tells the others what the newest checkpoint holds."""

import os

import torch
import torch.distributed as dist
from checkpoints import Checkpoints, publish
from torch import nn
from torch.nn.parallel import DistributedDataParallel

EPOCHS = 5


def main():
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    device = "cuda" if torch.cuda.is_available() else "cpu"  # each process sees its own GPUs alone
    model = DistributedDataParallel(nn.Linear(8, 1).to(device))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if dist.get_rank() == 0 else None
    for epoch in range(restore(checkpoints, model) + 1, EPOCHS + 1):
        for inputs, wanted in batches(epoch, device):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), wanted)
            loss.backward()
            optimizer.step()
        if checkpoints:
            with checkpoints.saving(epoch) as folder:
                torch.save(model.module.state_dict(), f"{folder}/model.pt")
        print(f"epoch {epoch} of {EPOCHS} loss {loss.item():.4f}", flush=True)
    if checkpoints:
        with checkpoints.newest() as (_, folder):
            publish(os.environ["SAVED_MODEL_PATH"], folder)
    dist.barrier()
    dist.destroy_process_group()


def batches(epoch, device):
    """TODO: your data; the shard of this process is dist.get_rank() of dist.get_world_size()."""
    chance = torch.Generator().manual_seed(1000 * epoch + dist.get_rank())
    for _ in range(20):
        inputs = torch.randn(32, 8, generator=chance)
        yield inputs.to(device), inputs.sum(1, keepdim=True).to(device)


def restore(checkpoints, model):
    """The number of epochs that are done already. Only rank 0 looks: were all to look, they might see different ones."""
    found = [(0, None)]
    if checkpoints:
        with checkpoints.newest() as (epoch, folder):
            # weights_only: what a checkpoint holds is data, whoever wrote it, and never code to run.
            found = [(epoch, torch.load(f"{folder}/model.pt", "cpu", weights_only=True) if folder else None)]
    dist.broadcast_object_list(found)
    epoch, state = found[0]
    if state:
        model.module.load_state_dict(state)
        print(f"resumed after epoch {epoch}", flush=True)
    return epoch


if __name__ == "__main__":
    main()
