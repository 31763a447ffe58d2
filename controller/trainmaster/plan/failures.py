"""Ends within a moment of each other are one failure: the first is charged, and its followers come back with it.

Lives here: which end follows which, and the sentence about them. Never here: what the first end means (judge.py), or for how
long an end waits for a truer cause (pending.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from trainmaster.plan.case import Case, Draft
from trainmaster.plan.ends import End
from trainmaster.plan.memory import Failure, Key, ReplicaMemory, Verdict
from trainmaster.plan.ruling import Ruling

NAMED = 3
"""followers that a sentence names; of the others it says how many"""


def follows(case: Case, draft: Draft, replica: ReplicaMemory, end: End, ruling: Ruling) -> bool:
    """Whether this end, which would be charged by itself, belongs to the failure before it.

    What a rule says of the program's own words it says of any of the job's processes. What is charged because it came so often
    isn't made free again by another of its kind.
    """
    if (
        not ruling.charged
        or ruling.insists
        or (ruling.too_often and draft.failure and not draft.failure.charged)
    ):
        return False
    return belongs(case, draft.failure, replica, end)


def belongs(case: Case, first: Failure | None, replica: ReplicaMemory, end: End) -> bool:
    """Whether this end came of that failure: its process ran already, and ended within a moment of it.

    A process that was started after it failed by itself.
    """
    moment = case.limits.first_cause_wait
    if first is None or not moment or replica.key == first.first:
        return False
    return abs(end.at - first.at) <= moment and replica.bound_at <= first.at


def followed(failure: Failure, replica: ReplicaMemory, end: End) -> Failure:
    """The failure with one more follower."""
    within = max(failure.within, abs(end.at - failure.at))
    return replace(failure, followers=(*failure.followers, replica.key), within=within)


def named(
    failure: Failure | None, verdict: Verdict, replica: ReplicaMemory, end: End
) -> tuple[Failure | None, Verdict]:
    """The failure that ended the job, and the verdict on it, with one more follower named."""
    if failure is None:
        return failure, verdict
    more, told = followed(failure, replica, end), sentence(failure)
    rest = verdict.message.removeprefix(told)
    return (
        (more, replace(verdict, message=sentence(more) + rest))
        if rest != verdict.message
        else (more, verdict)
    )


def sentence(failure: Failure) -> str:
    """ps-0 ended on a: ...; worker-0 and worker-1 failed within 1 s of it"""
    if not failure.followers:
        return failure.said
    return f"{failure.said}; {_names(failure.followers)} failed within {max(1, ceil(failure.within))} s of it"


def _names(keys: Sequence[Key]) -> str:
    names, more = [str(key) for key in keys[:NAMED]], len(keys) - NAMED
    if more > 0:
        return f"{', '.join(names)} and {more} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
