"""Quotas at both doors, also after a take-over; and values of variables that stand in no declaration."""

from __future__ import annotations

import base64
import getpass
import json
import os
import secrets
import shlex
import zlib
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest

from real.dfs import Dfs
from real.kubernetes_rooms import KubernetesRoom
from real.reading import SMALL, message, reason, trainers
from real.rooms import FolderRoom, Room, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import JobStatus

QUOTAS = {"TRAINMASTER_QUOTAS": json.dumps([{"namespace": "*", "replicas": 2}])}


def waits(status: JobStatus) -> bool:
    return reason(status, C.QUEUED) == reasons.WAITING_FOR_QUOTA and "are held by" in message(
        status, C.QUEUED
    )


def test_a_job_over_the_quota_waits_for_its_turn_whoever_leads(room: Room, ledger: Ledger) -> None:
    first = room.controller(**QUOTAS)
    wait = [{"who": f"worker-{n}", "step": 1, "do": "wait", "with": "go"} for n in range(2)]
    room.drop("a", eager(worker=trainers(ledger, 2, acts=wait, steps=1)))
    room.until_true("a", C.RUNNING)
    room.drop("b", eager(worker=trainers(Ledger(ledger.folder / "b"), 2, steps=1)))
    status = room.until("b", waits)
    assert message(status, C.QUEUED).endswith("; this job wants 2")
    assert f"may hold 2 replicas: 2 are held by {_namespace(room)}/a" in message(status, C.QUEUED)
    room.drop("c", eager(worker=trainers(Ledger(ledger.folder / "c"), 1, steps=1)))
    room.until("c", waits)
    room.drop("d", eager(worker=trainers(Ledger(ledger.folder / "d"), 3, steps=1)))
    status = room.until("d", lambda s: reason(s, C.ACCEPTED) == reasons.OVER_QUOTA)
    assert message(status, C.ACCEPTED).endswith("may hold 2 replicas; this job wants 3")

    first.end()
    room.controller(**QUOTAS)
    assert not room.status("b").application_id
    ledger.go()
    begun = [room.until_true(name, C.FINISHED).application_id for name in ("a", "b", "c")]

    starts = [room.rest.application(id_)["startedTime"] for id_ in begun]
    assert starts == sorted(starts), "in the order in which they came"
    assert not room.status("d").application_id


def _namespace(room: Room) -> str:
    return room.namespace if isinstance(room, KubernetesRoom) else "default"


# --- values


def teller(out: Path, where: dict[str, Any]) -> dict[str, Any]:
    """A role that writes down what it was given, its arguments, and those of all others."""
    command = (
        f'printf %s "$TOKEN" >{shlex.quote(str(out))}.part;'
        f" cat /proc/[0-9]*/cmdline >{shlex.quote(str(out))}.arguments 2>/dev/null;"
        f" mv {shlex.quote(str(out))}.part {shlex.quote(str(out))}; sleep 2"
    )
    return {"command": command, "env": [{"name": "TOKEN", "valueFrom": where}]} | SMALL


def written(*folders: Path) -> Iterator[Path]:
    """All files there but those of the containers themselves, which belong to their user alone."""
    for folder in folders:
        for parent, below, names in os.walk(folder):
            below[:] = [name for name in below if name not in ("usercache", "nmPrivate")]
            yield from (Path(parent, name) for name in names)


def nothing_tells(value: str, room: Room, out: Path, *more: str, besides: Set[Path] = frozenset()) -> None:
    found = {path for path in written(room.hadoop.folder, room.folder) if value.encode() in _bytes(path)}
    assert found - besides - {out} == set()
    own = [path for path in written(room.hadoop.folder) if room.status("told").application_id in str(path)]
    assert any(path.name == "stdout" for path in own)
    assert not [path for path in own if path.name == "launch_container.sh"], "the NodeManager's copy"
    assert value.encode() not in Path(f"{out}.arguments").read_bytes()
    assert not [
        text for text in (*more, *(room.status(n).model_dump_json() for n in room.names())) if value in text
    ]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile, or a socket
        return b""


@pytest.mark.parametrize("kind", ["kubernetes"], indirect=True)
def test_a_secret_reaches_the_process_and_nothing_else(room: KubernetesRoom, tmp_path: Path) -> None:
    value, out = f"hush-{secrets.token_hex(8)}", tmp_path / "told"
    controller = room.controller(**room.opens())
    room.drop("told", eager(worker=teller(out, {"secretKeyRef": {"name": "keys", "key": "token"}})))
    status = room.until("told", lambda s: reason(s, C.QUEUED) == reasons.WAITING_FOR_VALUE)
    assert message(status, C.QUEUED) == f"Secret {room.namespace}/keys isn't there"
    assert not status.application_id

    room.kubectl("create", "secret", "generic", "keys", f"--from-literal=token={value}")
    room.until_true("told", C.SUCCEEDED)

    assert out.read_text() == value
    journal = [
        zlib.decompress(base64.b64decode(data)).decode()
        for name in room.secrets("told")
        for data in json.loads(room.kubernetes.kubectl("get", "secret", "-n", room.own, name, "-o", "json"))[
            "data"
        ].values()
    ]
    assert "told" in journal[0]
    nothing_tells(value, room, out, *journal, room.kubectl("describe", "tj", "told"), controller.words)


@pytest.mark.parametrize("kind", ["kubernetes"], indirect=True)
def test_without_the_right_the_reason_names_it(room: KubernetesRoom, tmp_path: Path) -> None:
    room.controller()
    room.drop(
        "closed", eager(worker=teller(tmp_path / "told", {"secretKeyRef": {"name": "keys", "key": "token"}}))
    )
    status = room.until("closed", lambda s: reason(s, C.QUEUED) == reasons.WAITING_FOR_VALUE)
    assert f"kubernetes.secret_namespaces doesn't name {room.namespace}" in message(status, C.QUEUED)


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
def test_a_file_of_the_users_reaches_the_process_once_nobody_else_may_read_it(
    room: FolderRoom, tmp_path: Path
) -> None:
    value, out, dfs = f"hush-{secrets.token_hex(8)}", tmp_path / "told", Dfs(room)
    controller, me = room.controller(), getpass.getuser()
    dfs.put("key", f"{value}\n".encode())
    room.drop("told", eager(worker=teller(out, {"file": f"{room.url}/key"})))
    status = room.until("told", lambda s: reason(s, C.QUEUED) == reasons.WAITING_FOR_VALUE)
    assert message(status, C.QUEUED) == (
        f"{room.url}/key: others may read or write it (mode 644): chmod 400 is needed"
    )
    dfs.own("key", "alice")
    foreign = f"it belongs to alice, and a value for a job of {me} must lie in a file of {me}"
    room.until("told", lambda s: message(s, C.QUEUED) == f"{room.url}/key: {foreign}")
    dfs.own("key", me)
    dfs.protect("key", 0o400)
    status = room.until_true("told", C.SUCCEEDED)

    assert out.read_text() == value
    blocks = {path for path in written(room.hadoop.folder) if path.name.startswith("blk_")}
    nothing_tells(value, room, out, controller.words, besides=blocks)
