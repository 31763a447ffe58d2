"""The API server's audit log is read as it was written, and each line once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainmaster.local.kubernetes.audit import AuditLog, Call, parse


def a_line(verb: str = "patch", stage: str = "ResponseComplete", **about: str) -> str:
    event = {
        "stage": stage,
        "verb": verb,
        "user": {"username": "system:serviceaccount:bench:trainmaster"},
        "objectRef": {"resource": "trainingjobs", "namespace": "bench"} | about,
    }
    return json.dumps(event)


def test_a_subresource_is_told_apart():
    (call,) = parse([a_line(subresource="status")])
    assert call == Call("patch", "trainingjobs/status", "bench", "system:serviceaccount:bench:trainmaster")


def test_a_watch_that_goes_on_is_not_counted_yet_and_a_page_without_an_object_never():
    without = json.dumps({"stage": "ResponseComplete", "verb": "get", "user": {"username": "x"}})
    assert list(parse([a_line("watch", stage="ResponseStarted"), without])) == []


@pytest.mark.parametrize(
    ("verb", "write"), [("get", False), ("list", False), ("watch", False), ("create", True), ("patch", True)]
)
def test_what_changes_something_is_a_write(verb, write):
    (call,) = parse([a_line(verb)])
    assert call.write is write


def test_each_look_gives_what_is_new_and_half_a_line_waits(tmp_path: Path):
    path = tmp_path / "audit.log"
    path.write_text(a_line("get") + "\n")
    log = AuditLog(path)
    with path.open("a") as file:
        file.write(a_line("create") + "\n" + a_line("delete")[:20])
    assert [call.verb for call in log.new()] == ["create"]
    with path.open("a") as file:
        file.write(a_line("delete")[20:] + "\n")
    assert [call.verb for call in log.new()] == ["delete"]
    assert log.new() == []
