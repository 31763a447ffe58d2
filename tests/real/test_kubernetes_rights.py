"""A controller that lacks a right says which one, and begins to work when it gets it; and who may read its secrets."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import pytest
import requests

from real.cluster import until
from real.controllers import Controller
from real.kubernetes_rooms import ACCOUNT, KubernetesRoom
from real.reading import trainers
from real.rooms import eager
from trainer.ledger import Ledger
from trainmaster.api.status import ConditionType as C
from trainmaster.settings import Kubernetes as KubernetesSettings
from trainmaster.sources.kubernetes.resources import TRAININGJOBS
from trainmaster.sources.kubernetes.rights import Right, needed


@pytest.fixture(scope="module")
def kind() -> str:
    return "kubernetes"


def rights(room: KubernetesRoom) -> list[Right]:
    return list(needed(KubernetesSettings(namespace=room.own, namespaces=(room.namespace,))))


def well(controller: Controller) -> tuple[bool, str]:
    """Whether it says so, and its words. It serves in any case."""
    answer = requests.get(f"{controller.monitoring}/readyz", timeout=10)
    assert answer.ok, "whoever lacks a right is asked all the same"
    return answer.json()["well"], answer.text


def test_each_missing_right_is_named(room: KubernetesRoom) -> None:
    room.grant([])
    controller = room.controller()

    who = f"system:serviceaccount:{room.own}:{ACCOUNT}"
    for right in rights(room):
        kind = "/".join(filter(None, (right.resource.plural, right.subresource)))
        for verb in right.verbs:
            words = f"{who} lacks the right to {verb} {kind} "
            until(lambda words=words: words in well(controller)[1])
            assert words in controller.words
    assert not well(controller)[0]


@pytest.mark.parametrize(
    ("plural", "verb"), [("trainingjobs", "list"), ("secrets", "create"), ("leases", "update")]
)
def test_a_right_that_comes_late_is_found(
    plural: str, verb: str, room: KubernetesRoom, ledger: Ledger
) -> None:
    whole = rights(room)
    room.grant(right for right in whole if not (right.resource.plural == plural and verb in right.verbs))
    controller = room.controller()
    room.drop("waits", eager(worker=trainers(ledger, steps=1)))
    until(lambda: plural in well(controller)[1])
    assert not ledger.starts()

    room.grant(whole)

    room.until_true("waits", C.SUCCEEDED)
    until(lambda: well(controller)[0])
    assert len(ledger.starts()) == 1


@pytest.mark.parametrize(
    "lost", [{"patch"}, {"get", "list", "watch", "patch", "delete"}], ids=["to show", "all"]
)
def test_a_job_that_ended_while_rights_were_lost_is_shown_as_it_is_once_they_are_back(
    lost: set[str], room: KubernetesRoom, ledger: Ledger
) -> None:
    """Until then its status says what it said last, and the controller which right it lacks."""
    whole = rights(room)
    controller = room.controller()
    acts: list[dict[str, object]] = [
        {"who": f"worker-{i}", "step": 2, "do": "wait", "with": "go"} for i in (0, 1)
    ]
    room.drop("ends", eager(worker=trainers(ledger, 2, steps=3, acts=acts)))
    room.until("ends", lambda status: status.is_true(C.RUNNING) and status.roles["worker"].running == 2)

    room.grant(right for right in whole if right.resource is not TRAININGJOBS or not lost & {*right.verbs})
    until(lambda: not room.may("patch", "trainingjobs/status"))
    ledger.go()
    until(lambda: "lacks the right" in well(controller)[1])
    until(lambda: not ledger.running())
    until(lambda: not any("ends" in name for name in room.rest.live()))
    left = room.status("ends")
    assert (left.is_true(C.RUNNING), left.roles["worker"].running) == (True, 2)

    room.grant(whole)
    ended = room.until_true("ends", C.SUCCEEDED)
    assert (ended.is_true(C.RUNNING), ended.roles["worker"].running) == (False, 0)
    assert len(ledger.starts()) == 2
    until(lambda: well(controller)[0])


def test_the_token_stands_in_the_journal_secret_and_nowhere_else(
    room: KubernetesRoom, ledger: Ledger
) -> None:
    controller = room.controller()
    room.drop("secret", eager(worker=trainers(ledger, steps=0)))
    room.until_true("secret", C.RUNNING)

    kubectl = room.kubernetes.kubectl
    [record] = room.secrets("secret")
    secret = json.loads(kubectl("get", "secret", record, "-n", room.own, "-o", "json"))
    token = json.loads(zlib.decompress(base64.b64decode(secret["data"]["record"])))["application"]["token"]
    shown = {
        "log": controller.words,
        "job": json.dumps(room.object("secret")),
        "events": room.kubectl("get", "events", "-o", "json"),
        "lease": kubectl("get", "leases,configmaps", "-n", room.own, "-o", "json"),
        "requests": room.kubernetes.audit_log.read_text(),
        "metrics": requests.get(f"{controller.monitoring}/metrics", timeout=10).text,
    }
    assert controller.process
    for file in ("cmdline", "environ"):
        shown[file] = Path(f"/proc/{controller.process.pid}/{file}").read_text()
    assert len(token) > 20
    assert [where for where, text in shown.items() if token in text] == []
