"""Has Caffe train round by round, and brings its snapshot to CHECKPOINT_PATH after each: Caffe writes to its node alone."""

import os
import shutil
import subprocess
from pathlib import Path

from checkpoints import Checkpoints, publish

ROUNDS, ITERATIONS = 5, 1000
"""TODO: how often a checkpoint is made, and of how many iterations each round is"""
GPUS = []  # TODO: ["--gpu=all"]
SNAPSHOTS = Path("snapshots")


def main():
    checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"])
    SNAPSHOTS.mkdir(exist_ok=True)
    done = restore(checkpoints)
    for number in range(done + 1, ROUNDS + 1):
        train(number)
        with checkpoints.saving(number) as folder:
            for file in snapshot(number):
                shutil.copy(file, folder)
        print(f"round {number} of {ROUNDS}", flush=True)
    with checkpoints.newest() as (_, folder):
        publish(os.environ["SAVED_MODEL_PATH"], folder)


def train(number):
    """Caffe makes a snapshot when a round is done, and goes on from that of the round before."""
    said = f'max_iter: {number * ITERATIONS}\nsnapshot_prefix: "{SNAPSHOTS}/net"\n'
    Path("round.prototxt").write_text(Path("solver.prototxt").read_text() + said)
    command = [os.environ["CAFFE"], "train", "--solver=round.prototxt", *GPUS]
    if number > 1:
        command.append(f"--snapshot={snapshot(number - 1)[0]}")
    subprocess.run(command, check=True)


def snapshot(number):
    """The files of the one after that round: the solver's state, and the weights."""
    return [SNAPSHOTS / f"net_iter_{number * ITERATIONS}.{kind}" for kind in ("solverstate", "caffemodel")]


def restore(checkpoints):
    """The number of rounds that are done already."""
    with checkpoints.newest() as (number, folder):
        if folder:
            shutil.copytree(folder, SNAPSHOTS, dirs_exist_ok=True)
            print(f"resumed after round {number}", flush=True)
    return number


if __name__ == "__main__":
    main()
