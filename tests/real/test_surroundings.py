"""What a job meets outside of itself on real Hadoop: GPUs that are taken, users and their rights, a store that goes away."""

from __future__ import annotations

import getpass
import json
import re
import time
from pathlib import Path

import pytest
import requests

from real.cluster import Rest, running, until
from real.controllers import Controller, Room, document, eager
from real.dfs import Dfs
from real.reading import message, processes, reason, trainers, worker
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options

POLICY = [{"owner": "alice", "users": ["carol"]}]


def test_gpus_are_asked_for_and_waited_for(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path / "hadoop", Options(gpus=2)) as hadoop:
        monkeypatch.setenv("HADOOP_CONF_DIR", str(hadoop.conf_dir))
        room = Room(f"{hadoop.addresses.hdfs}/gpus", hadoop, tmp_path)
        room.controller()
        try:
            _one_gpu(room, "first", ledger)
            status = room.until_true("first", C.RUNNING)
            _one_gpu(room, "second", Ledger(ledger.folder / "second"))
            room.until_true("second", C.RUNNING)
            _one_gpu(room, "third", Ledger(ledger.folder / "third"))
            third = room.until("third", lambda s: reason(s, C.QUEUED) == reasons.GATHERING_CONTAINERS)

            granted = worker(status).granted
            assert granted
            assert (granted.gpus, status.gpus, third.gpus) == (1, 1, 0)
            assert _gpus_in_use(room.rest) == 2
            ledger.go()
            room.until_true("third", C.RUNNING)
            assert _gpus_in_use(room.rest) == 2
        finally:
            room.close()


def _one_gpu(room: Room, name: str, ledger: Ledger) -> None:
    wait = [{"who": "worker-0", "step": 1, "do": "wait", "with": "go"}]
    role = trainers(ledger, acts=wait, steps=1) | {"resources": {"memory": "64Mi", "gpus": 1}}
    room.drop(name, eager(worker=role) | {"queue": "gpu"})


def _gpus_in_use(rest: Rest) -> int:
    kinds = rest.nodes()[0]["usedResource"]["resourceInformations"]["resourceInformation"]
    return int(next(kind["value"] for kind in kinds if kind["name"] == "yarn.io/gpu"))


def test_a_job_runs_as_its_files_owner_and_as_others_only_by_the_policy(room: Room, ledger: Ledger) -> None:
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


def test_the_token_stands_in_the_journal_and_nowhere_else(room: Room, ledger: Ledger) -> None:
    dfs = Dfs(room)
    controller = room.controller()
    room.drop("secret", eager(worker=trainers(ledger, steps=0)))
    room.until_true("secret", C.RUNNING)

    [record] = dfs.names("journal")
    token = json.loads(dfs.read(record))["application"]["token"]
    assert (dfs.mode(record), dfs.mode("journal")) == (0o600, 0o700), "only the controller reads it"
    assert token not in controller.words
    assert token.encode() not in dfs.read("status/default/secret.yaml")


def test_while_the_store_is_away_training_goes_on_and_nothing_is_decided(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    wait = [{"who": f"worker-{i}", "step": 20, "do": "wait", "with": "go"} for i in range(2)]
    controller = room.controller()
    room.drop("steady", eager(worker=trainers(ledger, 2, acts=wait, steps=20)))
    room.until_true("steady", C.RUNNING)
    survivor, victim = sorted(processes(ledger, 2), key=lambda e: e.index)

    hadoop.kill("namenode")
    victim.kill()
    until(lambda: _store_up(controller) == 0)
    time.sleep(2)
    assert len(ledger.starts()) == 2, "what can't be written down isn't done"
    assert survivor.alive
    hadoop.start("namenode")
    hadoop.wait_ready(60)

    until(lambda: len(ledger.starts("worker-1")) == 2)
    until(lambda: _store_up(controller) == 1)
    ledger.go()
    status = room.until_true("steady", C.SUCCEEDED)
    assert status.restarts == 1
    assert len(ledger.starts("worker-0")) == 1
    assert ledger.twice() == []


def _store_up(controller: Controller) -> float:
    web = re.search(r"web=(\S+)", controller.words)
    assert web
    metrics = requests.get(f"{web[1]}/metrics", timeout=10).text
    found = re.search(r"^trainmaster_store_up (\S+)", metrics, re.MULTILINE)
    assert found
    return float(found[1])
