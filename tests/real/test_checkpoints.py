"""A job's newest checkpoint and its model on a real HDFS, written by its own process: found, and kept after its end."""

from __future__ import annotations

import sys

import requests

from rare import at_one_door
from real.cluster import until
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop

pytestmark = at_one_door("kubernetes")

OFTEN = {"TRAINMASTER_CHECKPOINT_INTERVAL": "1"}
_WRITES = """
import os, time
from pathlib import Path
from hdfs_native import Client, WriteOptions

files, folder = Client(os.environ["AT"]), os.environ["CHECKPOINT_PATH"].removeprefix(os.environ["AT"])
assert os.environ["RESUME_FROM"] == "hdfs:///earlier"
files.mkdirs(folder, 0o755, True)
for name in ("step_100.pt", "step_200.pt"):
    with files.create(f"{folder}/{name}", WriteOptions()) as file:
        file.write(b"weights")
model = os.environ["SAVED_MODEL_PATH"].removeprefix(os.environ["AT"])
files.mkdirs(f"{model}/variables", 0o755, True)
for name, text in (("saved_model.pb", b"graph"), ("variables/data", b"weights"), ("_SUCCESS", b"")):
    with files.create(f"{model}/{name}", WriteOptions()) as file:
        file.write(text)
while not Path(os.environ["GO"]).exists():
    time.sleep(0.1)
"""


def test_the_newest_checkpoint_is_shown_while_it_runs_and_afterwards(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    controller = room.controller(**OFTEN)
    at = hadoop.addresses.hdfs
    go = ledger.folder.parent / "go"
    command = f'exec "{sys.executable}" - <<"END"\n{_WRITES}\nEND\n'
    worker = {"command": command, "env": [{"name": "AT", "value": at}, {"name": "GO", "value": str(go)}]}
    base = f"{at}/models/{room.folder.name}"
    paths = {
        "checkpointPath": f"{base}/checkpoints",
        "savedModelPath": f"{base}/model",
        "resumeFrom": "hdfs:///earlier",
    }
    room.drop("saves", eager(worker=worker) | paths)

    found = room.until("saves", lambda status: status.checkpoint).checkpoint
    assert found
    found = room.until("saves", lambda status: status.checkpoint and status.checkpoint.step == 200).checkpoint
    assert found
    assert found.path == f"{paths['checkpointPath']}/step_200.pt"
    series = 'trainmaster_job_checkpoint_age_seconds{job_name="saves"'
    until(lambda: series in requests.get(f"{controller.monitoring}/metrics", timeout=10).text)

    assert room.status("saves").saved_model is None, "nobody knows yet whether it will be one"

    go.touch()
    assert room.until_true("saves", C.SUCCEEDED).checkpoint == found
    model = room.until("saves", lambda status: status.saved_model).saved_model
    assert model
    assert (model.path, model.files, model.size) == (paths["savedModelPath"], 2, len("graphweights"))
    assert model.published_at
    controller.end()
    room.controller(**OFTEN)
    room.until("saves", lambda status: (status.checkpoint, status.saved_model) == (found, model))
