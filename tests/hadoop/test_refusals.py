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


AUTHORIZATION = "org.apache.hadoop.security.authorize.AuthorizationException"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "User: trainmaster/h.example@EXAMPLE.COM is not allowed to impersonate alice",
            "add hadoop.proxyuser.trainmaster.users with alice in its value, or .groups with a group of alice",
        ),
        (
            "User: tm (auth:KERBEROS) is not allowed to impersonate alice",
            "add hadoop.proxyuser.tm.users with alice",
        ),
        (
            "Unauthorized connection for super-user: trainmaster/h@R from IP 10.0.0.7",
            "add hadoop.proxyuser.trainmaster.hosts with 10.0.0.7 in its value",
        ),
    ],
)
def test_who_may_not_speak_for_another_is_told_which_line_is_missing(words: str, line: str) -> None:
    """The words are those of DefaultImpersonationProvider.authorize."""
    error = refusal(AUTHORIZATION, words)
    assert isinstance(error, DeniedError)
    assert error.message.startswith(words)
    assert f"{line}" in error.message
    assert "core-site.xml" in error.message


UNAUTHORIZED = "Unauthorized request to start container. "


@pytest.mark.parametrize(
    ("kind", "words", "innocent"),
    [
        (refusals.INVALID_CONTAINER, "Container c rejected as it is allocated by a previous RM", True),
        (refusals.INVALID_TOKEN, "Given Container c seems to have an illegally generated token.", True),
        (refusals.INVALID_TOKEN, "Invalid container token used for starting container on : n1:1", True),
        (
            refusals.INVALID_TOKEN,
            "Given NMToken for application : a seems to have been generated illegally.",
            False,
        ),
        (YARN + "InvalidAuxServiceException", "The auxService:shuffle does not exist", True),
        (YARN + "YarnException", f"{UNAUTHORIZED}\nThis token is expired. current time is 2 found 1", True),
        (
            YARN + "YarnException",
            f"{UNAUTHORIZED}\nNMToken for application attempt : a was used for starting container with container token "
            "issued for application attempt : b",
            True,
        ),
        (
            YARN + "YarnException",
            "Container start failed as the NodeManager is in the process of shutting down",
            True,
        ),
        (YARN + "YarnException", "Invalid NMToken", True),
        (YARN + "YarnException", "java.io.IOException: Invalid ContainerToken", False),
        (YARN + "YarnException", "Expected applicationAttemptId: aFound: b", True),
        (YARN + "YarnException", "Null resource URL for local resource a.py", False),
        (YARN + "YarnException", "a sentence of a later release", False),
    ],
)
def test_a_start_refused_for_what_is_not_the_jobs(kind: str, words: str, innocent: bool) -> None:
    error = refusal(kind, words)
    assert isinstance(error, RefusedError)
    assert refusals.says_nothing_of_the_job(error) is innocent


def test_words_with_a_colon_are_no_class() -> None:
    error = refusal(YARN + "YarnException", "Container: not handled")
    assert isinstance(error, RefusedError)
    assert (error.kind, error.message) == (YARN + "YarnException", "Container: not handled")


def test_no_words_at_all_still_make_a_sentence() -> None:
    assert str(refusal("java.lang.NullPointerException", "")) == "NullPointerException: no reason given"
