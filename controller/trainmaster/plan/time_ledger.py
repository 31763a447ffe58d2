"""Which class each second of a run belongs to: told at each change of what its replicas do. Shown, never decided on.

It is added up as what is held is (account.py), and the classes of what is held come to just that. What reports of steps tell
comes in with the next pass, and is counted back to when it was: steps that are made again, and time without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as with_fields

from trainmaster.api.job import RestartScope
from trainmaster.plan.account import held, nothing_lives, size_of
from trainmaster.plan.case import Case
from trainmaster.plan.ends import Cause, LastExit
from trainmaster.plan.history import own_applications
from trainmaster.plan.memory import Memory, ReplicaMemory, replace
from trainmaster.plan.order import present, present_roles
from trainmaster.plan.restart import joining
from trainmaster.plan.spent import (
    LOST,
    NONE,
    RUNS,
    Ledger,
    Parts,
    Spent,
    added,
    after,
    plus,
    replica_seconds,
    shifted,
    times,
    with_cost,
    within,
)
from trainmaster.plan.values import IDLE, Container, ContainerState

NOTICED = 1.0
"""seconds without a step that are no standstill, beside the time that a step takes"""
Rates = Mapping[str, tuple[int, int, int]]
A_START = 10.0
"""seconds for which a start is believed to go on when nobody looks"""
STARTS = (Spent.STARTING, Spent.RECOVERING)
NOT_YET = IDLE | {ContainerState.STARTING}


def with_ledger(case: Case, before: Memory, after_: Memory) -> Memory:
    """The memory after a decision, with what was made of the time until now."""
    ledger = _entered(case, before, after_)
    return after_ if ledger is after_.ledger else replace(after_, ledger=ledger)


def _entered(case: Case, before: Memory, memory: Memory) -> Ledger:
    old = memory.ledger
    if not old.at and own_applications(before):
        return old  # an older controller began it
    step = _step(case, before, old)
    failed = next(_failed(before, memory), None)
    anew = memory.applied != before.applied or memory.stage != before.stage
    made = _taken_over(_settled(old, step, case.now), old, memory.epoch)
    made = _with_step(made, old, step, before.generation, _late(case, before))
    made = with_fields(made, step=-1, furthest=-1) if anew else made
    if failed and failed.last_exit:
        made = _with_failure(made, old, failed.last_exit, _standstill(case, before, old, memory))
    made = _suspended(made) if memory.suspended and not before.suspended else made
    made = _recovered(case, memory, made)
    now = _Rates(case, memory, made).told()
    made = _sure(made) if made.unsure and any(name in now for name in RUNS) else made
    same = (step, made.recovering, made.epoch, now) == (old.step, old.recovering, old.epoch, old.now)
    calm = same and made.unsure is old.unsure and not failed and not anew
    return old if calm and old.at else with_fields(made, now=now)


def _settled(old: Ledger, step: int, now: float) -> Ledger:
    """With the time since the last entry, in which steps that were made again may have come to an end."""
    if not old.at:
        return with_fields(old, at=now)
    seconds = max(0.0, now - old.at)
    rates = {name: each for name, each in old.now.items() if name != Spent.REPLAYING}
    new = after({}, rates, seconds)
    if again := old.now.get(Spent.REPLAYING):
        part = seconds * _part_again(old, step)
        new = added(new, {Spent.REPLAYING: times(again, part), Spent.TRAINING: times(again, seconds - part)})
    made = with_fields(old, total=added(old.total, new), at=now)
    return with_cost(made, replica_seconds(new, LOST))


def _taken_over(made: Ledger, old: Ledger, epoch: int) -> Ledger:
    """After the first entry of a new leader: that something ran was not written down for it."""
    if made.epoch == epoch:
        return made
    if not old.at:
        return with_fields(made, epoch=epoch)
    seconds = max(0.0, made.at - old.at - A_START)
    unsure: Parts = {name: (0.0, *times(old.now[name], seconds)[1:]) for name in STARTS if name in old.now}
    return with_fields(made, epoch=epoch, unsure=unsure)


def _sure(made: Ledger) -> Ledger:
    """It runs: so it did for most of the time in which nobody looked."""
    sure = with_fields(made, unsure={})
    for name, part in made.unsure.items():
        sure, _ = shifted(sure, part, name, Spent.TRAINING)
    return sure


def _part_again(old: Ledger, step: int) -> float:
    """Of the steps since the last entry those that had been made before."""
    if step <= old.furthest or step <= old.step:
        return 1.0
    return max(0.0, (old.furthest - old.step) / (step - old.step))


def _step(case: Case, before: Memory, old: Ledger) -> int:
    """The furthest that processes of the generation before this decision have told; -1 where they told none."""
    known = old.step if old.moved == before.generation else -1
    told = (each.step for each in case.seen.reports.of.values() if each.generation == before.generation)
    return max(known, max(told, default=-1))


def _with_step(made: Ledger, old: Ledger, step: int, generation: int, late: float) -> Ledger:
    """After what was told, the newest of it so many seconds ago."""
    if step < 0 or (step, generation) == (made.step, made.moved):
        return made
    told = with_fields(made, step=step, furthest=max(step, made.furthest), moved=generation)
    if made.furthest < 0:
        return _first_told(told, old, late) if step <= 1 else told
    began = next((name for name in STARTS if name in old.now), None) if made.moved != generation else None
    if began is None or not late:
        return told
    to = Spent.REPLAYING if step < made.furthest else Spent.TRAINING
    told, part = shifted(told, times(old.now[began], late), began, to)
    unsure = plus(told.unsure.get(began, NONE), times(part, -1))  # of that much it is known now
    return with_fields(told, unsure={**told.unsure, began: within(unsure, unsure)}) if told.unsure else told


def _first_told(told: Ledger, old: Ledger, late: float) -> Ledger:
    """Until now nobody knew that it reports: what seemed to train made its first step."""
    trained = told.total.get(Spent.TRAINING, NONE)
    since = times(old.now.get(Spent.TRAINING, NONE), -late)
    started = plus(trained, since)
    return shifted(told, started, Spent.TRAINING, Spent.STARTING)[0]


def _late(case: Case, before: Memory) -> float:
    """Seconds since the first of this generation's steps that is known."""
    told = [each.moved_at for each in case.seen.reports.of.values() if each.generation == before.generation]
    return max(0.0, case.now - min(told)) if told else 0.0


def _with_failure(made: Ledger, old: Ledger, last: LastExit, still: float) -> Ledger:
    """After an end that is followed by a restart; `still`: seconds before it in which nothing moved."""
    sure = _sure(made)  # what was being started ran by then, and what it cost is the earlier failure's
    failed = with_fields(sure, recovering=True, cause=last.cause.value, host=last.node)
    running = next((name for name in RUNS if name in old.now), None)
    if running is None or not still:
        return failed
    return shifted(failed, times(old.now[running], still), running, Spent.STALLED)[0]


def _suspended(made: Ledger) -> Ledger:
    """What is made again after it is no failure's doing."""
    return with_fields(made, recovering=False, cause=Cause.STOPPED.value, host="")


def _recovered(case: Case, memory: Memory, made: Ledger) -> Ledger:
    over = made.recovering and (not memory.active_since or _Rates(case, memory, made).all_run())
    return with_fields(made, recovering=False) if over else made


def _failed(before: Memory, memory: Memory) -> Iterator[ReplicaMemory]:
    """Replicas that have failed in this decision, the first cause first."""
    if before.replicas is memory.replicas or memory.restarts == before.restarts:
        return
    if memory.failure and memory.failure is not before.failure:
        yield from (r for r in memory.replicas if r.key == memory.failure.first)
    known = {replica.key: replica for replica in before.replicas}
    for replica in memory.replicas:
        was = known.get(replica.key)
        if was and replica.restarts + replica.replacements > was.restarts + was.replacements:
            yield replica


def _standstill(case: Case, before: Memory, old: Ledger, memory: Memory) -> float:
    """Seconds up to now in which a step was due that didn't come, of a job that restarts as a whole for it."""
    told = [each for each in case.seen.reports.of.values() if each.generation == before.generation]
    if not told or not old.at or memory.generation == before.generation:
        return 0.0
    rate = max(each.rate for each in told)
    still = case.now - max(each.moved_at for each in told) - (1 / rate if rate else 0.0)
    return still if still > NOTICED else 0.0


# --- what each replica does now


@dataclass(frozen=True)
class _Rates:
    """One look at all of them."""

    case: Case
    memory: Memory
    ledger: Ledger

    def told(self) -> Rates:
        found: dict[str, list[int]] = {}
        for spent, container, gpus in self._each():
            sums = found.setdefault(spent, [0, 0, 0])
            sums[0] += not container
            sums[1] += container
            sums[2] += gpus
        return {name: (a, b, c) for name, (a, b, c) in sorted(found.items())}

    def all_run(self) -> bool:
        """Whether nobody waits, or is being started, any more."""
        return all(spent in (*RUNS, Spent.STOPPING) for spent, *_ in self._each())

    def _each(self) -> Iterator[tuple[Spent, bool, int]]:
        """Of each replica without a container and of each container: its class, whether it is one, and its GPUs."""
        case, memory = self.case, self.memory
        yield from ((spent, False, 0) for spent in self._lacking())
        if nothing_lives(case, memory):
            return
        known = (*memory.replicas, *joining(memory))
        rows: dict[object, ReplicaMemory] = {r.container or r.key: r for r in known}
        runs, bound = self._class_of_running(), {r.key for r in memory.replicas if r.bound}
        for each in held(case, memory):
            gpus = size_of(case, each, memory.account.sizes).gpus
            if isinstance(each, Container):
                yield self._of_container(each, rows, runs), True, gpus
            else:  # not seen since YARN was restarted: it runs, or takes its leave, as far as anybody knows
                yield (Spent.STOPPING if self._is_over or each not in bound else runs), True, gpus

    @property
    def _is_over(self) -> bool:
        return bool(self.memory.closing_since or self.memory.verdict)

    def _lacking(self) -> Iterator[Spent]:
        """Of each replica that is wanted and holds nothing."""
        case, memory, waits = self.case, self.memory, self._unless_failed(Spent.QUEUED)
        if self._is_over or case.unread:
            return
        if not memory.replicas:
            number = sum(case.job.spec.roles[name].replicas for name in present_roles(case, memory))
            yield from (waits for _ in range(number))
            return
        granted = {(c.key, c.run) for c in case.seen.containers.values() if c.state in IDLE}
        ended = {end.container for end in memory.pending_ends}
        for replica in present(case, memory):
            if replica.bound and replica.container in ended:
                yield Spent.RECOVERING
            elif not replica.bound and not replica.done and (replica.key, replica.run) not in granted:
                yield waits

    def _of_container(self, each: Container, rows: Mapping[object, ReplicaMemory], runs: Spent) -> Spent:
        replica = rows.get(each.id)
        if self._is_over:
            return Spent.STOPPING
        if replica is None:
            wanted = rows.get(each.key)
            is_for = wanted is not None and not wanted.done and wanted.run == each.run
            return self._unless_failed(Spent.GATHERING) if is_for and each.state in IDLE else Spent.STOPPING
        if self.memory.gathering:
            return self._unless_failed(Spent.GATHERING)
        if each.state in NOT_YET:
            return self._unless_failed(Spent.STARTING)
        gpus = self.case.seen.gpus.get(each.id) if runs is Spent.TRAINING else None
        return Spent.IDLE if gpus is not None and gpus.percent == 0 else runs

    def _unless_failed(self, spent: Spent) -> Spent:
        return Spent.RECOVERING if self.ledger.recovering else spent

    def _class_of_running(self) -> Spent:
        """What those that run do: they wait for peers, or for the first step, make steps again, or new ones."""
        ledger, memory = self.ledger, self.memory
        if ledger.furthest >= 0:
            if ledger.moved != memory.generation:
                return self._unless_failed(Spent.STARTING)
            return Spent.REPLAYING if ledger.step < ledger.furthest else Spent.TRAINING
        return Spent.TRAINING if self._gang_runs() else self._unless_failed(Spent.STARTING)

    def _gang_runs(self) -> bool:
        """Whether all run that a process waits for: of a job whose processes start one by one nobody waits."""
        case = self.case
        if case.unread:
            return True
        wanted = (r for r in present(case, self.memory) if not r.done and (r.bound or r.waits_since))
        gang = (r for r in wanted if case.scope(r.key) is RestartScope.JOB)
        return all(r.bound and case.state_of(r) not in NOT_YET for r in gang)
