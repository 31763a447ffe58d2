"""The decision itself, on one screen: memory goes through the steps in order, and the rest is read off it.

Each step is an ordinary function (Case, Memory) -> Change. A decision cannot fail, and never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace as with_fields
from functools import partial

from trainmaster.api.declared import Declared
from trainmaster.plan.account import with_account
from trainmaster.plan.actions import actions_of, kill_of
from trainmaster.plan.again import run_again
from trainmaster.plan.anew import follow_anew
from trainmaster.plan.application import follow_application
from trainmaster.plan.asks import asks_of
from trainmaster.plan.avoidance import avoided
from trainmaster.plan.case import Case, Change
from trainmaster.plan.checkpoints import note_checkpoint, note_saved_model
from trainmaster.plan.close import close
from trainmaster.plan.elastic import after_edits, fitted, resize, unwatched
from trainmaster.plan.gang import gather
from trainmaster.plan.gentle import hurry, note_told
from trainmaster.plan.hangs import note_progress, watch
from trainmaster.plan.history import note_filed
from trainmaster.plan.in_force import in_force, last_good
from trainmaster.plan.judge import judge_failures, judge_left_over, judge_successes
from trainmaster.plan.memory import ApplicationMemory, Memory, replace
from trainmaster.plan.note import note
from trainmaster.plan.order import go_on, note_ready
from trainmaster.plan.past import with_past
from trainmaster.plan.phases import localising, with_phase
from trainmaster.plan.projection import project, refused
from trainmaster.plan.restart import once_more
from trainmaster.plan.sight import look_for
from trainmaster.plan.success import check_deadlines, succeed
from trainmaster.plan.survivors import forget_survivors
from trainmaster.plan.telling import turns
from trainmaster.plan.time_ledger import with_ledger
from trainmaster.plan.unread import hear_ends, take_note
from trainmaster.plan.values import Action, Event, Forget, Limits, Plan, Seen
from trainmaster.plan.waits import wake_of

__all__ = ["begun", "decide", "last_good", "raised"]

STEPS: tuple[Callable[[Case, Memory], Change], ...] = (
    note,
    follow_application,
    judge_successes,
    succeed,
    judge_failures,
    look_for,
    watch,
    note_progress,
    note_checkpoint,
    note_saved_model,
    follow_anew,
    check_deadlines,
    close,
    hurry,
    note_ready,
    go_on,
    forget_survivors,  # so that a gang waits for none that is over
    gather,
    judge_left_over,
    note_told,
    forget_survivors,  # of whom was let go since, it is seen whether they live
)

UNREAD_STEPS: tuple[Callable[[Case, Memory], Change], ...] = (
    take_note,
    follow_application,
    hear_ends,
    close,
    hurry,
    judge_left_over,
    note_told,
    forget_survivors,
)
"""for a job that runs by a declaration which can't be read: it is kept alive and can be ended, and nothing more"""


def decide(declared: Declared, memory: Memory, seen: Seen, now: float, limits: Limits = Limits()) -> Plan:  # noqa: B008 - frozen
    """What to remember, show, ask and do for one job, from what is declared, remembered and seen at `now`.

    `now` is in seconds since the epoch. The plan's memory must be durable before its actions are carried out.
    """
    memory = note_filed(memory, seen.filed)
    again = run_again(declared, memory, now, limits)
    if again.memory is not memory:
        return _continued(again, decide(declared, again.memory, seen, now, limits))
    case = in_force(declared, memory, seen, now, limits)
    if case is None or (declared.duplicate_of and not memory.document):
        after, status = refused(declared, memory, now, seen.application_words)
        return Plan(after, status, actions=_leaving(declared, memory, seen), events=turns(memory, status))
    memory = after_edits(case, memory)
    case = fitted(case, memory)
    change = _through(UNREAD_STEPS if case.unread else STEPS, case, memory)
    change = change.then(with_past(memory, change.memory, now))
    change = change.then(with_account(case, memory, change.memory))
    change = change.then(with_ledger(case, memory, change.memory))
    if run_again(declared, change.memory, now, limits).memory is not change.memory:
        return _continued(change, decide(declared, change.memory, replace(seen, ends=()), now, limits))
    sized = resize(case, change.memory)
    change = change.then(sized.memory, *sized.events)
    if change.memory.wanted != memory.wanted:  # with other numbers all is decided anew
        return _continued(change, decide(declared, change.memory, replace(seen, ends=()), now, limits))
    after, status = project(case, change.memory)
    after = with_phase(after, status.state, now, partial(localising, case))
    return Plan(
        memory=after,
        status=status,
        asks=() if case.unread else asks_of(case, after),
        avoid=avoided(case, after),
        actions=actions_of(case, after),
        events=change.events + turns(memory, status),
        wake_at=wake_of(case, after),
    )


def _through(steps: Iterable[Callable[[Case, Memory], Change]], case: Case, memory: Memory) -> Change:
    """What all of them make of the memory, one after the other."""
    events: list[Event] = []
    for step in steps:
        change = step(case, memory)
        memory = change.memory
        events += change.events
    return Change(memory, tuple(events))


def _continued(change: Change, plan: Plan) -> Plan:
    """The plan that follows on a change, with what is to be heard of both."""
    return replace(plan, events=change.events + plan.events)


def _leaving(declared: Declared, memory: Memory, seen: Seen) -> tuple[Action, ...]:
    """An application whose record was lost is ended first: once the job is forgotten, nobody knows of it."""
    if kill := kill_of(memory, seen):
        return (kill,)
    return (Forget(),) if declared.deleted else ()


def begun(declared: Declared) -> Memory:
    """What is remembered of a job of which the journal has nothing: it is new, or nobody can speak for its application."""
    application = _orphan(declared) if declared.lost_application else None
    return Memory(declared.uid, declared.namespace, declared.name, application=application)


def _orphan(declared: Declared) -> ApplicationMemory:
    """As whom it runs YARN knows: what the declaration and the policy say now may be otherwise."""
    user = declared.owner if declared.recorded else ""
    return ApplicationMemory(declared.lost_application, user=user, orphan=True, recorded=declared.recorded)


def raised(memory: Memory, epoch: int) -> Memory:
    """The memory as a new leader takes it over: how long something was waited for or unseen, or how busy, only an eye-witness
    can tell."""
    seen_anew = tuple(replace(r, unseen_since=0.0) for r in memory.replicas)
    account = with_fields(memory.account, now=memory.account.now.unmeasured)
    anew = replace(
        memory, epoch=epoch, replicas=seen_anew, gang_since=0.0, watched_since=0.0, account=account
    )
    return once_more(unwatched(anew))
