"""Each answer of the API server is an error of one family, and says no more than people may read."""

from __future__ import annotations

import json

import pytest

from sources.kubernetes.told import SECRET, status
from trainmaster.errors import (
    DeniedError,
    RefusedError,
    TrainmasterError,
    UnavailableError,
)
from trainmaster.sources.kubernetes.api import (
    SECRETS,
    TRAININGJOBS,
    ConflictError,
    NotFoundError,
)
from trainmaster.sources.kubernetes.errors import BrokenRuleError, Call, refusal


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        (400, "BadRequest", RefusedError),
        (401, "Unauthorized", DeniedError),
        (403, "Forbidden", DeniedError),
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", ConflictError),
        (409, "Conflict", ConflictError),
        (410, "Expired", RefusedError),
        (413, "RequestEntityTooLarge", RefusedError),
        (422, "Invalid", BrokenRuleError),
        (429, "TooManyRequests", UnavailableError),
        (500, "InternalError", UnavailableError),
        (503, "ServiceUnavailable", UnavailableError),
        (504, "Timeout", UnavailableError),
        (302, "Moved", UnavailableError),
    ],
)
def test_families(code: int, reason: str, family: type[TrainmasterError]) -> None:
    call = Call("get", TRAININGJOBS, "vision", "mnist")
    error = refusal(call, code, json.dumps(status(code, reason, "because")).encode(), "somebody")
    assert type(error) is family
    if isinstance(error, RefusedError):
        assert error.kind == reason


def test_a_patch_that_would_make_an_object_needs_the_right_to_create_it() -> None:
    message = (
        'trainingjobs.trainmaster.io "mnist" is forbidden: User "alice" cannot create resource "trainingjobs"'
    )
    call = Call("patch", TRAININGJOBS, "vision", "mnist")
    error = refusal(call, 403, json.dumps(status(403, "Forbidden", message)).encode(), "context a")
    assert "alice (context a) lacks the right to create trainingjobs of trainmaster.io" in str(error)


def test_a_missing_right_is_told_as_a_rule_would_grant_it() -> None:
    message = (
        'trainingjobs.trainmaster.io "mnist" is forbidden: User "system:serviceaccount:own:tm" cannot patch '
        'resource "trainingjobs/status" in API group "trainmaster.io" in the namespace "vision"'
    )
    call = Call("patch", TRAININGJOBS, "vision", "mnist", "status")
    error = refusal(
        call, 403, json.dumps(status(403, "Forbidden", message)).encode(), "the pod's ServiceAccount"
    )
    assert str(error) == (
        "Forbidden: system:serviceaccount:own:tm (the pod's ServiceAccount) lacks the right to patch "
        "trainingjobs/status of trainmaster.io named mnist in namespace vision"
    )


def test_a_quota_is_not_told_as_a_missing_right() -> None:
    message = 'secrets "a" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=5'
    error = refusal(
        Call("create", SECRETS, "own"), 403, json.dumps(status(403, "Forbidden", message)).encode(), "me"
    )
    assert "exceeded quota" in str(error)
    assert "right" not in str(error)


def test_of_a_refused_secret_only_the_fields_are_told() -> None:
    message = f'Secret "a" is invalid: data[{SECRET}]: Invalid value: "{SECRET}"'
    body = status(422, "Invalid", message, causes=[{"field": "metadata.name", "message": SECRET}])
    error = refusal(Call("update", SECRETS, "own", "a"), 422, json.dumps(body).encode(), "me")
    assert str(error) == "Invalid: update secrets a in namespace own: Invalid metadata.name"


def test_a_kind_that_is_not_served_is_told_as_such() -> None:
    error = refusal(Call("list", TRAININGJOBS), 404, b"404 page not found\n", "me")
    assert (
        str(error) == "404: list trainingjobs of trainmaster.io: the API server serves no such kind of object"
    )
