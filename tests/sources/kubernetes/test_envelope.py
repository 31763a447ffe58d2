"""The wire format of admission.k8s.io/v1: what is read of a call, and what the API server is answered."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from trainmaster.api.status import FieldProblem
from trainmaster.errors import InvalidError
from trainmaster.sources.kubernetes.admission.envelope import Request, Verdict, answered

REQUEST = {
    "uid": "r-1",
    "operation": "UPDATE",
    "namespace": "vision",
    "name": "mnist",
    "object": {"spec": {"a": 1}},
    "oldObject": {"spec": {"a": 0}},
    "dryRun": True,
}


def body(**changes: Any) -> bytes:
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": REQUEST}
    return json.dumps(review | changes).encode()


def response(verdict: Verdict) -> dict[str, Any]:
    answer = json.loads(answered(body(), lambda _: verdict))
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert answer["response"].pop("uid") == "r-1"
    return dict(answer["response"])


def test_what_is_judged_is_what_was_asked() -> None:
    asked: list[Request] = []
    answered(body(), lambda request: asked.append(request) or Verdict())  # type: ignore[func-returns-value] # appends
    assert asked == [
        Request("r-1", "UPDATE", "vision", "mnist", {"spec": {"a": 1}}, {"spec": {"a": 0}}, dry_run=True),
    ]


def test_let_through() -> None:
    assert response(Verdict()) == {"allowed": True}


def test_let_through_with_a_word() -> None:
    assert response(Verdict(warnings=("beware",))) == {"allowed": True, "warnings": ["beware"]}


def test_let_through_with_a_change() -> None:
    patch = {"op": "add", "path": "/metadata/finalizers", "value": ["x"]}
    told = response(Verdict(patch=(patch,)))
    assert json.loads(base64.b64decode(told.pop("patch"))) == [patch]
    assert told == {"allowed": True, "patchType": "JSONPatch"}


def test_refused_with_every_field() -> None:
    problems = (
        FieldProblem(field="spec.a", value="1", reason="must be 2"),
        FieldProblem(field="", value="", reason="and 3 more problems"),
    )
    told = response(Verdict(problems))
    assert told["allowed"] is False
    status = told["status"]
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == "spec.a: must be 2; and 3 more problems"
    assert status["details"]["kind"] == "TrainingJob"
    assert status["details"]["name"] == "mnist"
    assert status["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "field": "spec.a", "message": "must be 2"},
        {"reason": "FieldValueInvalid", "field": "spec", "message": "and 3 more problems"},
    ]


def test_refused_because_it_may_not_be_done() -> None:
    problem = FieldProblem(field="spec.user", value="hdfs", reason="no")
    status = response(Verdict((problem,), denied=True))["status"]
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["details"]["causes"][0]["reason"] == "FieldValueForbidden"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        body(kind="Status"),
        body(apiVersion="admission.k8s.io/v1beta1"),
        body(request=None),
        body(request={}),
        body(request=REQUEST | {"object": "text"}),
        body(request=REQUEST | {"oldObject": []}),
    ],
)
def test_what_is_no_review_is_not_judged(wrong: bytes) -> None:
    with pytest.raises(InvalidError, match="AdmissionReview"):
        answered(wrong, lambda _: pytest.fail("judged"))
