"""The order in which a job's roles start: which stage it is at, and who has a container and waits for another role.

Lives here: questions about that, and going on to the next stage. Which roles make a stage is api/order.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from trainmaster.api import reasons
from trainmaster.api.order import by_stage, stages
from trainmaster.api.start_order import StartAfter
from trainmaster.api.words import When
from trainmaster.plan.case import Case, Change, normal
from trainmaster.plan.memory import Memory, ReplicaMemory, replace
from trainmaster.plan.progress import Reports
from trainmaster.plan.restart import let_go, present_stage
from trainmaster.plan.values import ContainerState

DOOR_CLOSED = "readiness is told to the reports door, and this controller has none open"
DOOR_BY_TLS = "readiness is told by plain HTTP, and reports.url begins with https"


def go_on(case: Case, memory: Memory) -> Change:
    """Once all of a stage has succeeded the next one is gathered: a generation of its own, charged to nobody."""
    now = present_stage(case, memory)
    if now == memory.stage or memory.verdict or memory.closing_since:
        return Change(memory)
    if memory.gathering:  # for the first time, or an edit has led back to an earlier stage
        rows = tuple(let_go(case, r) if r.bound else r for r in memory.replicas)
        return Change(replace(memory, stage=now, replicas=rows, gang_since=0.0))
    over, next_ = (" and ".join(_roles(case, number)) for number in (memory.stage, now))
    opened = replace(
        memory,
        stage=now,
        generation=memory.generation + 1,
        gang_since=0.0,
        gang_timeouts=0,
        gang_not_before=0.0,
        started_at=0.0,
        restart_cause="",
    )
    return Change(opened, (normal(reasons.STAGE_SUCCEEDED, f"{over} succeeded; {next_} is next"),))


def note_ready(case: Case, memory: Memory) -> Change:
    """Who was found ready is written down: whoever leads next needn't hear it again."""
    told = case.seen.reports.ready
    if not told:
        return Change(memory)
    new = {r.key for r in memory.replicas if r.ready != _process(memory, r) == told.get(r.key)}
    if not new:
        return Change(memory)
    rows = (replace(r, ready=_process(memory, r)) if r.key in new else r for r in memory.replicas)
    return Change(replace(memory, replicas=tuple(rows)))


def _process(memory: Memory, replica: ReplicaMemory) -> tuple[int, int]:
    return replica.run, memory.generation


# --- the present stage


def _roles(case: Case, number: int) -> tuple[str, ...]:
    numbers = by_stage(case.job.spec)
    return numbers[number] if number < len(numbers) else ()


def present_roles(case: Case, memory: Memory) -> tuple[str, ...]:
    """The roles of the stage that the job is at."""
    return _roles(case, present_stage(case, memory))


def present(case: Case, memory: Memory) -> Sequence[ReplicaMemory]:
    """The replicas of the stage that the job is at: all of them, unless some are preparations of others."""
    if len(by_stage(case.job.spec)) == 1:
        return memory.replicas
    roles = present_roles(case, memory)
    return tuple(r for r in memory.replicas if r.key.role in roles)


# --- who waits


def held(case: Case, memory: Memory) -> Mapping[str, str]:
    """Roles whose processes may not begin yet, each with what is waited for, such as: until ps runs: 1 of 2 do."""
    ordered = {name: role.start_after for name, role in case.job.spec.roles.items() if role.start_after}
    if not ordered:
        return {}
    numbers, now = stages(case.job.spec), present_stage(case, memory)
    before = f"until {' and '.join(_roles(case, now))} succeeded"
    found = {}
    for name, waited_for in ordered.items():
        missing = next(_missing(case, memory, waited_for), "")
        if words := missing or (before if numbers[name] > now else ""):
            found[name] = words
    return found


def said(case: Case, memory: Memory) -> str:
    """The same in one sentence; empty when nobody waits."""
    return "; ".join(f"{name} waits {words}" for name, words in held(case, memory).items())


_WORDS: Mapping[When, tuple[str, str]] = {
    When.RUNNING: ("runs", "do"),
    When.READY: ("is ready", "are"),
    When.SUCCEEDED: ("has succeeded", "have"),
}


def _missing(case: Case, memory: Memory, waited_for: Iterable[StartAfter]) -> Iterator[str]:
    for after in waited_for:
        mine = [r for r in memory.replicas if r.key.role == after.role]
        count = sum(1 for r in mine if r.done or _HAS[after.when](case, memory, r))
        if count < len(mine):
            state, so = _WORDS[after.when]
            why = _deaf(case.seen.reports) if after.when is When.READY else ""
            yield f"until {after.role} {state}: {count} of {len(mine)} {so}{why and f'; {why}'}"


def _deaf(reports: Reports) -> str:
    """Why nobody hears who is ready; empty when somebody does."""
    return DOOR_CLOSED if not reports.until else "" if reports.plain else DOOR_BY_TLS


def _runs(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    begun = not memory.gathering and not replica.reinitialising
    return begun and case.state_of(replica) is ContainerState.RUNNING


def _ready(case: Case, memory: Memory, replica: ReplicaMemory) -> bool:
    return _runs(case, memory, replica) and replica.ready == _process(memory, replica)


_HAS: Mapping[When, Callable[[Case, Memory, ReplicaMemory], bool]] = {
    When.RUNNING: _runs,
    When.READY: _ready,
    When.SUCCEEDED: lambda _case, _memory, _replica: False,
}
"""whether one replica has come to it; one that has succeeded has come to everything"""
