"""Who declared what stands in the log, and nothing of what was written in it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from trainmaster.api.status import FieldProblem
from trainmaster.json_text import loads
from trainmaster.sources.kubernetes.admission.audit import note
from trainmaster.sources.kubernetes.admission.envelope import Request, Verdict, answered

REFUSED = Verdict((FieldProblem(field="spec.user", value="x", reason="no"),))


def request(**more: Any) -> Request:
    given = {"uid": "u", "operation": "CREATE", "namespace": "team-a", "name": "mnist", "user": "alice"}
    return Request(**{**given, "new": {"spec": {"env": "hush"}}, "old": None, **more})


@pytest.mark.parametrize(
    ("asked", "verdict", "said"),
    [
        (request(), Verdict(), "a job was declared"),
        (request(), REFUSED, "a declaration was refused"),
        (request(old={"spec": {}}, operation="UPDATE"), Verdict(), "a job was declared"),
        (request(old={"spec": {"env": "hush"}}, operation="UPDATE"), Verdict(), ""),
        (request(dry_run=True), Verdict(), ""),
        (request(new=None, old={}, operation="DELETE"), Verdict(), ""),
    ],
)
def test_each_declaration_is_noted_once(
    asked: Request, verdict: Verdict, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        note(asked, verdict)
    assert [record.message for record in caplog.records] == ([said] if said else [])
    for record in caplog.records:
        told = record.__dict__
        assert (told["declared_by"], told["namespace"], told["job"]) == ("alice", "team-a", "mnist")
        assert "hush" not in str(told)


def test_who_asks_is_whom_the_api_server_names() -> None:
    seen: list[Request] = []

    def judge(asked: Request) -> Verdict:
        seen.append(asked)
        return Verdict()

    body = (
        b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "operation": "CREATE", '
        b'"userInfo": {"username": "alice", "groups": ["a"]}, "dryRun": true, "object": {}}}'
    )
    assert loads(answered(body, judge))["response"]["allowed"]
    assert (seen[0].user, seen[0].dry_run) == ("alice", True)
