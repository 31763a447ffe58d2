"""Java's exceptions, each into the family that says what to do next."""

from __future__ import annotations

import pytest

from trainmaster.errors import DeniedError, NotDoneError, RefusedError
from trainmaster.hadoop import refusals
from trainmaster.hadoop.refusals import StandbyError, refusal

YARN = "org.apache.hadoop.yarn.exceptions."


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("org.apache.hadoop.ipc.StandbyException", StandbyError),
        ("org.apache.hadoop.ipc.RetriableException", NotDoneError),
        (YARN + "NMNotYetReadyException", NotDoneError),
        ("org.apache.hadoop.security.AccessControlException", DeniedError),
        ("org.apache.hadoop.security.authorize.AuthorizationException", DeniedError),
        ("javax.security.sasl.SaslException", DeniedError),
        (refusals.INVALID_TOKEN, DeniedError),
        (refusals.NOT_REGISTERED, RefusedError),
        ("java.lang.NullPointerException", RefusedError),
    ],
)
def test_families(kind: str, family: type[Exception]) -> None:
    error = refusal(kind, "words")
    assert type(error) is family
    assert getattr(error, "kind", kind) == kind


def test_a_stack_trace_is_left_behind() -> None:
    trace = "\n\tat a.B.c(B.java:1)\nCaused by: x"
    error = refusal(refusals.INVALID_ASK, f"{refusals.INVALID_ASK}: Invalid request,\nmemory{trace}")
    assert isinstance(error, RefusedError)
    assert (error.kind, error.message) == (refusals.INVALID_ASK, "Invalid request, memory")


def test_a_wrapped_exception_counts_as_what_it_wraps() -> None:
    error = refusal(
        YARN + "YarnException", "java.security.AccessControlException: User eve cannot do that\n\tat x"
    )
    assert isinstance(error, DeniedError)
    assert (error.kind, error.message) == ("java.security.AccessControlException", "User eve cannot do that")


def test_words_with_a_colon_are_no_class() -> None:
    error = refusal(YARN + "YarnException", "Container: not handled")
    assert isinstance(error, RefusedError)
    assert (error.kind, error.message) == (YARN + "YarnException", "Container: not handled")


def test_no_words_at_all_still_make_a_sentence() -> None:
    assert str(refusal("java.lang.NullPointerException", "")) == "NullPointerException: no reason given"
