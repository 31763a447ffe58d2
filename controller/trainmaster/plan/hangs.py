"""progressDeadline: a job whose processes stopped making steps is asked for its stacks, and then restarted. Pure.

Only a process that has reported steps is watched, and that is remembered. Time counts only while the reports door listens and
YARN can be asked: up to when it listened is part of what is seen, so a decision that comes late, or a controller that was away,
takes nobody for hung. What isn't known of a process since this leader came counts from then on.
"""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.api import reasons
from trainmaster.api.job import RestartScope
from trainmaster.api.quantities import format_duration
from trainmaster.plan.case import Case, Change, normal, warning
from trainmaster.plan.classify import HUNG
from trainmaster.plan.ends import End
from trainmaster.plan.judge import judge
from trainmaster.plan.memory import Hang, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.progress import shown
from trainmaster.plan.values import ContainerState

COMING_BACK = 10.0
"""seconds more for whoever this leader hasn't heard: a process that found no door tries again every few seconds"""
ASK_PATIENCE = 6.0
"""seconds for which the stacks are waited for: a busy NodeManager takes some to send the signal, and to serve a log"""
LOOK_AGAIN = 1.0
"""seconds until a deadline is looked at again that has passed by the clock, while the door hasn't told of that time yet"""

Stuck = list[tuple[ReplicaMemory, float]]
"""processes that made no step for the whole deadline, the likeliest culprit first; and since when"""


def watch(case: Case, memory: Memory) -> Change:
    """Note who makes steps; ask, and a moment later end, those who stopped."""
    if not _watches(case, memory):
        return Change(_unwatched(memory))
    noted = _noted(case, memory)
    stuck, hang = list(_stuck(case, noted)), noted.hang
    if hang is None:
        return _begun(case, noted, stuck) if stuck else Change(noted)
    still = [(r, since) for r, since in stuck if r.key in hang.keys]
    if not still:
        return _over(noted, hang)
    if case.now < hang.at + ASK_PATIENCE and not _all_told(case, noted):
        return Change(noted)
    return _ended(case, noted, stuck)


def _watches(case: Case, memory: Memory) -> bool:
    calm = not memory.closing_since and not memory.verdict and not memory.gathering
    listened = bool(case.seen.reports.until) and case.registered
    return case.job.spec.run_policy.progress_deadline is not None and calm and listened


def _unwatched(memory: Memory) -> Memory:
    known = changed(memory, hang=None)
    return replace(known, watched_since=0.0) if known.watched_since else known


def _noted(case: Case, memory: Memory) -> Memory:
    """Who has told steps; the first time that is written, since from then on silence means something."""
    if not memory.watched_since:
        memory = replace(memory, watched_since=case.seen.reports.until)
    new = {
        r.key
        for r in memory.replicas
        if case.seen.reports.by(r, memory) and r.told_steps != _process(memory, r)
    }
    if not new:
        return memory
    rows = (replace(r, told_steps=_process(memory, r)) if r.key in new else r for r in memory.replicas)
    return replace(memory, replicas=tuple(rows))


def _process(memory: Memory, replica: ReplicaMemory) -> tuple[int, int]:
    return replica.run, memory.generation


def _stuck(case: Case, memory: Memory) -> Iterator[tuple[ReplicaMemory, float]]:
    deadline, until = case.job.spec.run_policy.progress_deadline, case.seen.reports.until
    assert deadline is not None
    found = [(r, since) for r, since in watched(case, memory) if until - since >= deadline]
    yield from sorted(found, key=lambda each: (_step(case, memory, each[0]), each[1]))


def watched(case: Case, memory: Memory) -> Iterator[tuple[ReplicaMemory, float]]:
    """Processes that run and have told steps, and since when each has made none."""
    for replica in memory.replicas:
        told = replica.bound and replica.told_steps == _process(memory, replica)
        if told and not replica.reinitialising and case.state_of(replica) is ContainerState.RUNNING:
            report = case.seen.reports.by(replica, memory)
            yield replica, report.moved_at if report else memory.watched_since + COMING_BACK


def _step(case: Case, memory: Memory, replica: ReplicaMemory) -> int:
    """Its last one; before any where it is silent since this leader came."""
    report = case.seen.reports.by(replica, memory)
    return report.step if report else -1


def _begun(case: Case, memory: Memory, stuck: Stuck) -> Change:
    keys = tuple(replica.key for replica, _ in stuck)
    said = f"{stuck[0][0].key} on {stuck[0][0].host} made {_none(case, memory, stuck[0][0])}"
    others = f"; {len(keys) - 1} others stand still too" if len(keys) > 1 else ""
    event = warning(reasons.HANGING, f"{said}{others}; the processes are asked for their stacks")
    return Change(replace(memory, hang=Hang(keys, case.now)), (event,))


def _over(memory: Memory, hang: Hang) -> Change:
    """They go on, or have ended by themselves."""
    still = {r.key for r in memory.replicas if r.bound}
    event = normal(reasons.HANGING, "the processes make steps again")
    return Change(replace(memory, hang=None), (event,) if still & set(hang.keys) else ())


def _all_told(case: Case, memory: Memory) -> bool:
    return all(r.container in case.seen.stacks for r in asked(case, memory))


def asked(case: Case, memory: Memory) -> list[ReplicaMemory]:
    """Whose stacks are asked for: all that run, since those that wait for the culprit say for what."""
    if memory.hang is None:
        return []
    return [r for r in memory.replicas if r.bound and case.state_of(r) is ContainerState.RUNNING]


def _ended(case: Case, memory: Memory, stuck: Stuck) -> Change:
    """Judged like any other end, save that the process is still to be stopped. Where all restart, the first speaks for them."""
    whole = case.scope(stuck[0][0].key) is RestartScope.JOB
    ends = [_end(case, memory, replica) for replica, _ in (stuck[:1] if whole else stuck)]
    return judge(case, replace(memory, hang=None), ends)


def _end(case: Case, memory: Memory, replica: ReplicaMemory) -> End:
    stack = case.seen.stacks.get(replica.container, "")
    stood = f"it stood in {stack}" if stack else "it told no stack"
    words = f"{_none(case, memory, replica)}; {stood}"
    return End(replica.container, HUNG, words, case.now, certain=False)


def _none(case: Case, memory: Memory, replica: ReplicaMemory) -> str:
    deadline, step = case.job.spec.run_policy.progress_deadline or 0.0, _step(case, memory, replica)
    after = f" after step {step}" if step >= 0 else ", and told nothing to this controller"
    return f"no step for {format_duration(deadline)}{after}"


def wakes(case: Case, memory: Memory) -> Iterator[float]:
    """When a deadline passes, or the stacks have been waited for."""
    if not _watches(case, memory):
        return
    deadline = case.job.spec.run_policy.progress_deadline or 0.0
    if memory.hang:
        yield memory.hang.at + ASK_PATIENCE
    for _, since in watched(case, memory):
        yield max(since + deadline, case.now + LOOK_AGAIN)


def note_progress(case: Case, memory: Memory) -> Change:
    """Keep what is shown, and tell once of who has become slower than its peers, or than it was."""
    told = case.seen.progress
    if told is None:
        return Change(memory)
    slow = tuple(each.key for each in told.stragglers)
    new = [each for each in told.stragglers if each.key not in memory.slow]
    events = (
        f"{each.key} on {each.node} makes {each.rate:.3g} steps/s, where {each.best:.3g} were made"
        for each in new
    )
    noted = replace(memory, progress=shown(told), slow=slow)
    return Change(noted, tuple(warning(reasons.STRAGGLER, said) for said in events))
