"""`kubectl explain` of a TrainingJob, told by a real API server: every field as the models describe it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from real.served import Served
from trainmaster.api import schema
from trainmaster.local.kubernetes.controlplane import LocalKubernetes

PUBLISHED = 30.0
"""seconds that it may take"""


@pytest.fixture(scope="module")
def served(kubernetes: LocalKubernetes) -> Iterator[Served]:
    """The namespace default: nothing is kept in it. The API server publishes what it explains a little after the definition."""
    found = Served(kubernetes, "default")
    deadline = time.monotonic() + PUBLISHED
    while found.kubectl("explain", "tj").code and time.monotonic() < deadline:
        time.sleep(0.2)
    yield found
    found.close()


def test_roles_read_like_documentation(served: Served) -> None:
    text = _flat(served.ok("explain", "trainingjob.spec.roles"))
    assert "The kinds of processes by name." in text
    assert "command <string> -required- Bash script that is the process." in text
    assert "Default: OnFailure. An edit is taken over live." in text
    assert "`Never`: no end: the first failure of a replica fails the job." in text


def test_every_field_is_explained_as_in_the_models(served: Served) -> None:
    text = _flat(served.ok("explain", "tj", "--recursive") + _every_explanation(served))
    for path, node in schema.field_paths(schema.job_schema()):
        if path[0] in ("spec", "status") and path[-1] not in ("<name>", "[]"):
            assert _flat(node["description"]) in text, path


def _every_explanation(served: Served) -> str:
    """What kubectl says of each group of fields."""
    fields = [
        "tj",
        *{
            ".".join(["tj", *(step for step in path[:-1] if step not in ("<name>", "[]"))])
            for path, _ in schema.field_paths(schema.job_schema())
            if path[0] in ("spec", "status")
        },
    ]
    return "".join(served.ok("explain", field) for field in sorted(fields))


def _flat(text: str) -> str:
    return " ".join(text.split())
