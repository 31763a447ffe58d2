"""What becomes of a job when its application goes another way than ours: lost, killed, refused, or without its token."""

from __future__ import annotations

import re

from trainmaster.api import reasons
from trainmaster.api.status import MAX_EARLIER
from trainmaster.plan.admission import refusal
from trainmaster.plan.case import Case, Change, warning
from trainmaster.plan.last_words import last_words
from trainmaster.plan.memory import Memory, Verdict, replace
from trainmaster.plan.restart import fresh_gang
from trainmaster.plan.values import AppState

FULL = re.compile(r"already has \d+ applications|maximum.{0,20}applications", re.IGNORECASE)
"""CapacityScheduler's words (ParentQueue, LeafQueue.submitApplication) when maximum-applications is reached"""
FULL_RETRY = 30.0
"""seconds before a submission that a full queue refused is tried again"""


def follow_application(case: Case, memory: Memory) -> Change:
    """React to an end of the application that we did not bring about. Our own ending is close.py's.

    One whose record was lost is no end of ours, also when the job is being suspended: it must not be resumed.
    """
    if (
        memory.application is None
        or memory.verdict
        or (memory.closing_since and not memory.application.orphan)
    ):
        return Change(memory)
    words = last_words(case.seen.application_words)
    match case.seen.application:
        case AppState.LOST | AppState.CLOSED if memory.application.orphan:
            return _failed(case, memory, reasons.TOKEN_LOST, _orphaned(case, memory.application.id))
        case AppState.LOST | AppState.CLOSED:
            return _lost(case, memory, words)
        case AppState.KILLED:
            return _failed(
                case, memory, reasons.KILLED_OUTSIDE, f"the application was killed in YARN: {words}"
            )
        case AppState.TOKEN_LOST if memory.application.token:
            # It was written down, and has gone out of date while nobody led: once ended, it is submitted anew.
            return Change(memory)
        case AppState.TOKEN_LOST:
            said = "since its token was never written down: it can only be ended"
            return _failed(
                case, memory, reasons.TOKEN_LOST, f"nobody can speak for {memory.application.id}, {said}"
            )
        case AppState.REFUSED if FULL.search(case.seen.application_words):
            return Change(replace(memory, application=None, open_not_before=case.now + FULL_RETRY))
        case AppState.REFUSED:
            return _failed(case, memory, reasons.SUBMISSION_REFUSED, f"YARN refused the application: {words}")
    return Change(memory)


def orphaned(memory: Memory, words: str) -> str:
    """That the application is being ended because its record was lost, and what is in the way; empty for any other."""
    application = memory.application
    if application is None or not application.orphan or memory.verdict:
        return ""
    return f"the record of this job was lost, and {application.id} is to be ended first: {words or 'YARN is being asked'}"


def without_application(memory: Memory) -> Memory:
    if memory.application is None:
        return memory
    earlier = (*memory.earlier_applications, memory.application.id)[-MAX_EARLIER:]
    return replace(memory, application=None, earlier_applications=earlier, given_up=())


def _failed(case: Case, memory: Memory, reason: str, message: str) -> Change:
    return Change(
        replace(memory, verdict=Verdict(False, reason, message, case.now)), (warning(reason, message),)
    )


def _orphaned(case: Case, id_: str) -> str:
    """Nobody knows how the job stood, it may have trained to its end: so it isn't begun anew."""
    said = f"the record of this job was lost; its status named {id_}"
    if case.seen.application is AppState.CLOSED:
        return f"{said}, which nobody can speak for: it was ended"
    return f"{said}, and nothing was ended: {case.seen.application_words}"


def _lost(case: Case, memory: Memory, words: str) -> Change:
    """Submitted anew, uncharged, a few times: YARN's loss is not the user's."""
    said = f"YARN lost the application: {words}" if words else "YARN lost the application"
    if memory.lost_applications >= case.limits.lost_applications:
        return _failed(
            case,
            memory,
            reasons.APPLICATION_LOST,
            f"{said}; it was submitted anew {memory.lost_applications} times",
        )
    anew = fresh_gang(case, without_application(memory))
    counted = replace(
        anew, lost_applications=memory.lost_applications + 1, restarts=memory.restarts + 1, restart_cause=said
    )
    return Change(counted, (warning(reasons.APPLICATION_LOST, f"{said}; {_then(case, counted)}"),))


def _then(case: Case, memory: Memory) -> str:
    if case.unread:
        return "it is submitted anew once its declaration can be read"
    if refusal(case, memory.role_numbers.keys()):
        return "it is submitted anew once it is accepted again"
    return "submitting it anew"
