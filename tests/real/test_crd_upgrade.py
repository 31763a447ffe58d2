"""Definitions come and go under stored jobs: nothing restarts, and nothing that is stored becomes untouchable."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from kubernetes import client

from api.structural import nodes
from real.served import Document, Served, job
from trainmaster.api.crd import crd, crd_yaml
from trainmaster.api.documents import read_object
from trainmaster.api.job import restart_fields
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

PATIENCE = 30.0
"""seconds until the API server serves by a new definition"""
LIMITS = (
    "default",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "maxLength",
    "pattern",
)
"""what an older release hadn't thought of"""

STORED: dict[str, Document] = {
    "plain": {"roles": {"worker": {"command": "train"}}},
    "full": {
        "framework": "TensorFlow",
        "env": [{"name": "A"}],
        "files": [{"source": "hdfs:///code/train.py"}],
        "roles": {
            "worker": {"command": "train", "resources": {"memory": "4G"}},
            "ps": {"command": "serve", "resources": "memory=8G,vcores=2", "ports": 2},
        },
    },
    "gang-too-large": {"gang": {"minAvailable": 9}, "roles": {"worker": {"command": "train"}}},
    "same-variable-twice": {"env": [{"name": "A"}, {"name": "A"}], "roles": {"worker": {"command": "train"}}},
    "reserved-name": {"env": [{"name": "TRAINMASTER_JOB"}], "roles": {"worker": {"command": "train"}}},
    "odd-role": {"roles": {"Worker_1": {"command": "train"}}},
    "name-" + "x" * 60: {"roles": {"worker": {"command": "train"}}},
}
SOUND = ("plain", "full")


def older() -> Document:
    """The definition without all that only later releases brought: defaults, rules, merging by name, bounds."""
    found = copy.deepcopy(crd())
    for _, node in nodes(_schema(found)):
        for key in LIMITS:
            node.pop(key, None)
    return found


def newer() -> Document:
    """One with other defaults of the fields that have one, and with fields that today's objects lack."""
    found = copy.deepcopy(crd())
    spec = _schema(found)["properties"]["spec"]["properties"]
    spec["priority"]["default"] = 7
    spec["runPolicy"]["properties"]["backoffLimit"]["default"] = 9
    spec["image"] = {"type": "string", "maxLength": 255}
    return found


def _schema(definition: Document) -> Document:
    found: Document = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


@pytest.fixture
def served(kubernetes: LocalKubernetes, namespace: str) -> Iterator[Served]:
    found = Served(kubernetes, namespace)
    yield found
    found.close()
    kubernetes.define(crd_yaml())


@pytest.fixture
def define(kubernetes: LocalKubernetes, served: Served) -> Callable[[Document], None]:
    """Put a definition in the place of the one that is there, and wait until the API server goes by it."""

    def put(definition: Document) -> None:
        marked = copy.deepcopy(definition)
        mark = f"{time.monotonic_ns()}"
        _schema(marked)["properties"]["spec"]["properties"]["queue"]["default"] = mark
        for one in (marked, definition):
            kubernetes.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(one, sort_keys=False))
            _wait(
                lambda one=one: (
                    _queue_of_a_new_job(served) == (mark if one is marked else _default_queue(definition))
                )
            )

    return put


def _default_queue(definition: Document) -> str | None:
    default: str | None = _schema(definition)["properties"]["spec"]["properties"]["queue"].get("default")
    return default


def _queue_of_a_new_job(served: Served) -> str | None:
    made = yaml.safe_load(
        served.ok("create", "--dry-run=server", "-o", "yaml", "-f", "-", document=job(STORED["plain"], "dry"))
    )
    queue: str | None = made["spec"].get("queue")
    return queue


def _wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def restart_fields_of(served: Served, name: str) -> str:
    found, problems = read_object(served.get(name))
    assert problems == ()
    assert found is not None
    return restart_fields(found)


def test_no_definition_changes_what_restarts_a_stored_job(
    served: Served, define: Callable[[Document], None]
) -> None:
    define(older())
    for name in SOUND:
        served.create(STORED[name], name)
    before = {name: restart_fields_of(served, name) for name in SOUND}
    for definition in (crd(), newer(), crd()):
        define(definition)
        assert {name: restart_fields_of(served, name) for name in SOUND} == before
        for name in SOUND:  # a write stores the defaults
            served.ok("label", "tj", name, f"touched={time.monotonic_ns()}", "--overwrite")
        assert {name: restart_fields_of(served, name) for name in SOUND} == before


def test_what_a_stricter_definition_would_refuse_can_still_be_shown_and_let_go(
    served: Served, define: Callable[[Document], None]
) -> None:
    define(older())
    for name, spec in STORED.items():
        served.create(spec, name, finalizers=["trainmaster.io/yarn"])
    define(crd())
    for name in STORED.keys() - set(SOUND):
        _is_refused_when_new(served, name)
    for name in STORED:
        _is_shown(served, name)
        _is_let_go(served, name)


def _is_refused_when_new(served: Served, name: str) -> None:
    assert served.refusal(STORED[name], name), name
    _, problems = read_object(job(STORED[name], name))
    assert problems, name


def _is_shown(served: Served, name: str) -> None:
    """As the controller does it: applied by the server, whole."""
    document: dict[str, Any] = {**job({}, name), "status": {"state": "Refused", "observedGeneration": 1}}
    del document["spec"]
    arguments = ("apply", "--server-side", "--subresource=status", "--field-manager=trainmaster", "-f", "-")
    _taken(served, *arguments, document=document)
    assert served.get(name)["status"]["state"] == "Refused"


def _is_let_go(served: Served, name: str) -> None:
    _taken(served, "delete", "tj", name, "--wait=false")
    _taken(served, "patch", "tj", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    with pytest.raises(client.exceptions.NotFoundException):
        served.get(name)


def _taken(served: Served, *arguments: str, document: Document | None = None) -> None:
    """The API server warns of what is wrong with the object, and takes what has nothing to do with it."""
    ran = served.kubectl(*arguments, stdin=yaml.safe_dump(document) if document else "")
    assert ran.code == 0, ran.err
    assert all(line.startswith("Warning: ") for line in ran.err.splitlines()), ran.err
