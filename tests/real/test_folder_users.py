"""Whose a job is and who may read what of it, where jobs are files in HDFS."""

from __future__ import annotations

import getpass
import json

import pytest

from real.cluster import until
from real.dfs import Dfs
from real.reading import message, reason, trainers
from real.rooms import FolderRoom, document, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C

POLICY = [{"owner": "alice", "users": ["carol"]}]


@pytest.fixture(scope="module")
def kind() -> str:
    return "folder"


def test_a_job_runs_as_its_files_owner_and_as_others_only_by_the_policy(
    room: FolderRoom, ledger: Ledger
) -> None:
    dfs = Dfs(room)
    room.controller(TRAINMASTER_POLICY=json.dumps(POLICY))
    users = {"own": None, "allowed": "carol", "denied": getpass.getuser()}
    until(lambda: dfs.exists("jobs"))
    for name, user in users.items():
        spec = eager(worker=trainers(Ledger(ledger.folder / name), steps=1))
        named = spec | {"user": user} if user else spec
        _put_as(dfs, f"jobs/default/{name}.yaml", document(name, named), "alice")

    for name, user in (("own", "alice"), ("allowed", "carol")):
        status = room.until_true(name, C.SUCCEEDED)
        assert room.rest.application(status.application_id)["user"] == user
    refused = room.until("denied", lambda s: reason(s, C.ACCEPTED) == reasons.DENIED)
    assert f"alice may not run jobs of namespace default as {getpass.getuser()}" in message(
        refused, C.ACCEPTED
    )
    assert not refused.application_id
    assert not Ledger(ledger.folder / "denied").starts()


def _put_as(dfs: Dfs, path: str, text: str, owner: str) -> None:
    """A file that never belonged to somebody else where it counts."""
    beside = f"{path}._COPYING_"
    with dfs.writer(beside) as file:
        file.write(text.encode())
    dfs.own(beside, owner)
    dfs.move(beside, path)


def test_the_token_stands_in_the_journal_and_nowhere_else(room: FolderRoom, ledger: Ledger) -> None:
    dfs = Dfs(room)
    controller = room.controller()
    room.drop("secret", eager(worker=trainers(ledger, steps=0)))
    room.until_true("secret", C.RUNNING)

    [folder] = [name for name in dfs.names("journal") if "epoch-" not in name]
    [record] = dfs.names(folder)
    token = json.loads(dfs.read(record))["application"]["token"]
    assert (dfs.mode(record), dfs.mode("journal")) == (0o600, 0o700), "only the controller reads it"
    assert token not in controller.words
    assert token.encode() not in dfs.read("status/default/secret.yaml")
