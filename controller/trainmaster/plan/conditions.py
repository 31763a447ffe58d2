"""The conditions of a job: each with status, reason and sentence, read off memory and sight. Doing nothing has a sentence too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import timestamp
from trainmaster.plan.admission import Refusal, no_node_for, no_room, refusal
from trainmaster.plan.application import orphaned
from trainmaster.plan.avoidance import said as left_alone
from trainmaster.plan.case import Case
from trainmaster.plan.gang import gang_minimum
from trainmaster.plan.gentle import said as leaving_words
from trainmaster.plan.in_force import immutable_problems
from trainmaster.plan.kstatus import Said, summary
from trainmaster.plan.memory import UNCOUNTED, Memory, ReplicaMemory
from trainmaster.plan.order import present, present_roles
from trainmaster.plan.order import said as waits_words
from trainmaster.plan.unread import why_unread
from trainmaster.plan.values import ContainerState

NOT_YET = (ContainerState.ALLOCATED, ContainerState.STARTING)
"""states of a container whose process is only about to run; one that isn't seen or asked about may well run"""


def conditions_of(case: Case, memory: Memory) -> tuple[Said, ...]:
    """All conditions of an accepted or refused job, in the order in which a life passes through them."""
    opened = memory.application or memory.verdict
    refused = None if opened or case.unread else refusal(case, memory.role_numbers.keys())
    now = _now_reason(case, memory)
    own = (
        _accepted(case, memory, refused),
        _queued(case, memory, refused, now),
        _starting(case, memory, now),
        _running(case, memory, now),
        _restarting(case, memory, now),
        _suspended(case, memory, now),
        _ended(memory, C.SUCCEEDED, now),
        _ended(memory, C.FAILED, now),
        _finished(memory, now),
    )
    return (*own, *summary(own, refused))


def _accepted(case: Case, memory: Memory, refused: Refusal | None) -> Said:
    if lost := orphaned(memory, case.seen.application_words):
        return Said(C.ACCEPTED, False, reasons.TOKEN_LOST, lost)
    if case.unread:
        return Said(C.ACCEPTED, False, reasons.INVALID, why_unread(case.declared, memory))
    if no := refused or case.held:
        return Said(C.ACCEPTED, False, *no)
    if case.declared.problems:
        said = f"the newest declaration can't be read ({case.declared.problems[0]}); going on with the one before"
        return Said(C.ACCEPTED, False, reasons.INVALID, said)
    if changed := immutable_problems(case, memory):
        return Said(C.ACCEPTED, False, reasons.IMMUTABLE_FIELD, f"{changed[0]}; going on as it was")
    return Said(C.ACCEPTED, True, reasons.ACCEPTED, "the declaration is valid")


def _queued(case: Case, memory: Memory, refused: Refusal | None, now: str) -> Said:
    if not memory.gathering or memory.closing_since or refused:
        return Said(C.QUEUED, False, now, "it does not wait for a start of all its processes")
    reason, message = why_waiting(case, memory)
    return Said(C.QUEUED, True, reason, message)


def why_waiting(case: Case, memory: Memory) -> tuple[str, str]:
    """Why the gang isn't there yet, with the numbers and the scheduler's own words where it has some."""
    if lost := orphaned(memory, case.seen.application_words):
        return reasons.TOKEN_LOST, lost
    if case.unread:
        return reasons.INVALID, why_unread(case.declared, memory)
    if case.yarn_away:
        return (
            reasons.DENIED if case.seen.not_proxy else reasons.YARN_AWAY,
            f"{_why_away(case)}; it is tried again",
        )
    if case.now < memory.open_not_before:
        return (
            reasons.WAITING_FOR_APPLICATION,
            "the queue takes no further applications at present; tried again soon",
        )
    if outside := _kept_outside(case, memory):
        return outside
    if not case.registered:
        return reasons.WAITING_FOR_APPLICATION, "the application is being opened at YARN"
    if doubt := doubted(case, memory):
        return reasons.IN_DOUBT, doubt
    if case.now < memory.gang_not_before:
        reason = reasons.GANG_TIMEOUT if memory.gang_timeouts else reasons.BACKING_OFF
        again = f"containers are asked for again in {memory.gang_not_before - case.now:.0f} s or less"
        return (
            reason,
            again if memory.gang_timeouts or not memory.restart_cause else f"{memory.restart_cause}; {again}",
        )
    if not memory.gang_since:
        no = no_room(case, present_roles(case, memory))
        words = case.seen.turn or "other jobs in front gather their containers first"
        front = reasons.WAITING_FOR_TURN, words
        return (reasons.NO_ROOM, no) if no else front
    return _gathering(case, memory)


def _kept_outside(case: Case, memory: Memory) -> tuple[str, str] | None:
    """What of ours, and not of YARN's, is in its way."""
    if case.seen.lacks and not memory.gang_since:
        return reasons.WAITING_FOR_VALUE, case.seen.lacks
    if memory.application is None and not case.seen.quota.may:
        return reasons.WAITING_FOR_QUOTA, case.seen.quota.words
    return None


def doubted(case: Case, memory: Memory) -> str:
    """Which earlier process keeps something from being started, for longer than its end mostly takes to be heard."""
    found = case.doubted(memory)
    if not found:
        return ""
    key, last = max(found, key=lambda each: each[1].until)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    time = "until it does" if last.until == UNCOUNTED else f"before {timestamp(last.until)}"
    return (
        f"{key} may still run in {last.container} on {last.node}, which does not say that it is over{more}: "
        f"nothing is started beside it {time}"
    )


def _gathering(case: Case, memory: Memory) -> tuple[str, str]:
    granted = sum(1 for r in present(case, memory) if r.bound or case.granted(r))
    said = f"{granted} of {gang_minimum(case, memory)} containers are granted"
    if refused := refused_asks(case):
        said = f"{said}; {refused}"
    if words := case.seen.cluster.scheduler_words if case.seen.cluster else "":
        said = f"{said}; the scheduler says: {words}"
    if no := no_room(case, present_roles(case, memory)):
        return reasons.NO_ROOM, f"{said}; {no}"
    if case.seen.turn:
        said = f"{said}; {case.seen.turn}"
    if alone := left_alone(case, memory):
        said = f"{said}; {alone}"
    return reasons.GATHERING_CONTAINERS, said


def refused_asks(case: Case) -> str:
    """The scheduler's words on asks that it threw out; empty when it took all of them."""
    refused = case.seen.refused_asks
    first = next(iter(refused.items()), None)
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return f"YARN refuses the ask for {first[0]}{more}: {first[1]}" if first else ""


def _starting(case: Case, memory: Memory, now: str) -> Said:
    starting = [r for r in memory.replicas if r.bound and case.state_of(r) in NOT_YET]
    if starting and not memory.started_at:
        said = f"{len(starting)} of {len(present(case, memory))} processes are being started"
        message = "; ".join(filter(None, (said, waits_words(case, memory))))
        return Said(C.STARTING, True, reasons.STARTING_PROCESSES, message)
    return Said(C.STARTING, False, now, "no first start is under way")


def _running(case: Case, memory: Memory, now: str) -> Said:
    wanted = [r for r in present(case, memory) if not r.done]
    running = [r for r in wanted if runs(case, memory, r)]
    unseen = _unseen(case, memory, wanted)
    said = f"{len(running)} of {len(wanted)} processes run"
    message = "; ".join((said, *_remarks(case, memory, unseen)))
    started = bool(memory.started_at) and not memory.closing_since
    true = bool(unseen) or (bool(running) and not memory.gathering)
    return Said(C.RUNNING, true and started, reasons.NODE_UNSEEN if unseen else now, message)


def runs(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    """Whether a process of the present generation is known to run in its place."""
    if memory.gathering or replica.reinitialising:
        return False
    return case.state_of(replica) is ContainerState.RUNNING


def _unseen(case: Case, memory: Memory, wanted: Iterable[ReplicaMemory]) -> list[ReplicaMemory]:
    """Bound, and neither listed and asked about, nor ended: they may well run."""
    ended = {e.container for e in memory.pending_ends}
    unsure = (None, ContainerState.UNKNOWN)
    return [r for r in wanted if r.bound and case.state_of(r) in unsure and r.container not in ended]


def _remarks(case: Case, memory: Memory, unseen: Sequence[ReplicaMemory]) -> Iterator[str]:
    """What else is to be said of the processes that run, or should."""
    yield from filter(None, (refused_asks(case), case.seen.lacks))
    if not memory.gathering and (no := no_node_for(case, _waited_for(case, memory))):
        yield no
    if not memory.gathering and memory.restart_cause and any(_is_replaced(case, r) for r in memory.replicas):
        yield memory.restart_cause
    if waits := waits_words(case, memory):
        yield waits
    if unseen:
        yield f"{len(unseen)} not seen since YARN or the controller restarted"
    if not memory.gathering and (alone := left_alone(case, memory)):
        yield alone
    if not memory.gathering and (doubt := doubted(case, memory)):
        yield doubt
    if going := leaving_words(case, memory):
        yield going
    if case.yarn_away:
        yield "that was last seen: the ResourceManager can't be asked at present"


def _waited_for(case: Case, memory: Memory) -> Iterable[str]:
    """The roles of which a replica has no container while the others run."""
    missing = (r.key.role for r in present(case, memory) if not r.bound and not r.done)
    return dict.fromkeys(role for role in missing if role in case.job.spec.roles)


def _restarting(case: Case, memory: Memory, now: str) -> Said:
    if case.unread:
        return Said(
            C.RESTARTING, False, reasons.INVALID, "nothing is restarted while its declaration can't be read"
        )
    anew = any(r.reinitialising for r in memory.replicas)
    again = (memory.gathering and memory.started_generation > 0) or anew
    # Of a gang that is gathered for the first time nothing ran yet, though its first application was lost.
    singles = [] if memory.gathering else [r for r in memory.replicas if _is_replaced(case, r)]
    if memory.closing_since or not memory.restart_cause or not (again or singles):
        return Said(C.RESTARTING, False, now, "nothing is being restarted")
    waits = case.now < memory.gang_not_before if again else all(case.now < r.not_before for r in singles)
    reason = reasons.BACKING_OFF if waits else reasons.GANG_RESTART if again else reasons.REPLICA_RESTART
    return Said(C.RESTARTING, True, reason, memory.restart_cause)


def _is_replaced(case: Case, replica: ReplicaMemory) -> bool:
    """Whether it lost a container and the next one doesn't run yet."""
    missing = not replica.bound or case.state_of(replica) in NOT_YET
    return bool(replica.waits_since) and not replica.done and missing


def _suspended(case: Case, memory: Memory, now: str) -> Said:
    over = memory.suspended and not case.has_application(memory)
    if memory.suspended and not memory.verdict:
        reason = reasons.SUSPENDED if over else reasons.SUSPENDING
        going = leaving_words(case, memory, "containers are being given back")
        return Said(C.SUSPENDED, over, reason, given_back(memory) if over else going)
    return Said(C.SUSPENDED, False, now, "the job is not suspended")


def given_back(memory: Memory) -> str:
    """What suspending came to: a job that was declared so never had anything."""
    begun = memory.application or memory.earlier_applications
    return "all containers are given back" if begun else "nothing was started: it was declared suspended"


def _ended(memory: Memory, which: C, now: str) -> Said:
    verdict = memory.verdict
    if verdict and verdict.succeeded is (which is C.SUCCEEDED):
        return Said(which, True, verdict.reason, verdict.message)
    return Said(
        which,
        False,
        now,
        f"the job has not {'succeeded' if which is C.SUCCEEDED else 'failed'}",
    )


def _finished(memory: Memory, now: str) -> Said:
    if memory.finished and memory.verdict:
        return Said(C.FINISHED, True, memory.verdict.reason, memory.verdict.message)
    return Said(C.FINISHED, False, now, "the job has not ended, or is being cleaned up")


def _now_reason(case: Case, memory: Memory) -> str:
    """What the job is at: the reason of Running, and of all that is False because it is at that."""
    if memory.verdict:
        return memory.verdict.reason
    if memory.suspended:
        return reasons.SUSPENDED
    if memory.closing_since:
        return reasons.DELETING
    if memory.gathering:
        return reasons.GATHERING_CONTAINERS
    return _at_work(case, memory) if memory.started_at else reasons.STARTING_PROCESSES


def _why_away(case: Case) -> str:
    """Who can't be asked, or says no. Of the ResourceManager one sentence: its calls fail in one way now, and in another then."""
    words = case.seen.application_words
    if case.seen.not_proxy or any(who in words for who in ("NameNode", "KDC", "keytab", "ticket")):
        return words
    return "the ResourceManager can't be asked at present"


def _at_work(case: Case, memory: Memory) -> str:
    """Of a job that has run as a whole: how much of it runs, and what is done where nothing does."""
    if case.yarn_away:
        return reasons.YARN_AWAY
    wanted = [r for r in present(case, memory) if not r.done]
    running = sum(runs(case, memory, r) for r in wanted)
    if running:
        return reasons.ALL_RUNNING if running == len(wanted) else reasons.SOME_RUNNING
    waits = wanted and all(case.now < r.not_before for r in wanted)
    return reasons.BACKING_OFF if waits else reasons.REPLICA_RESTART
