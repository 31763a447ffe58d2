"""One job's life, counted as it goes: what became of the job between two memories, once the later one is written.

So nothing counts that was decided and not kept, and nothing twice: a controller that takes the job up begins with the memory in
which it stands already. Costs nothing where nothing changed. Never here: a counter (lives.py), or a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from trainmaster.master.kubeflow import Kubeflow
from trainmaster.master.lives import DELETED, FAILED, GROW, SHRINK, SUCCEEDED, Lives
from trainmaster.plan.in_force import last_good
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, Verdict, replace
from trainmaster.plan.values import Container, ContainerState
from trainmaster.plan.wanted import Wanted

Ended = Callable[[Memory, Verdict | None], None]
"""told of a run that is over, with its memory, and of its verdict; None where it was deleted before any"""


class Life:
    """Told of each change by the record, and of what is seen by the pass."""

    def __init__(self, lives: Lives, kubeflow: Kubeflow, memory: Memory, ended: Ended) -> None:
        """`ended` is told of each run that is over."""
        self._lives, self._kubeflow, self._ended = lives, kubeflow, ended
        # What was restarted, or runs already, has been started before, whoever counted it.
        self._started = memory.active_since if memory.started_at or memory.restarts else 0.0
        """the `active_since` of which it was counted that all processes run"""
        self._expected = False
        self._expect(memory)
        self._missed: dict[Key, float] = {}
        """replicas that are to be restarted, and when they ended, until they run again"""

    def changed(self, before: Memory, after: Memory, now: float) -> None:
        """Count what is new; `now` is seconds since the epoch."""
        if before is after:
            return
        self._expect(after)
        self._count_waits(before, after, now)
        self._count_start(before, after)
        self._count_restarts(before, after)
        self._count_resizes(before, after)
        if before.finished:
            return
        if after.finished and after.verdict:
            self._count_end(_whole(before, after), after.verdict)
        elif (
            after.rerun > before.rerun and after.past_runs
        ):  # decided in the very pass in which the run before was over
            self._count_end(before, after.past_runs[-1].verdict)

    def left(self, memory: Memory) -> None:
        """Nothing of the job is left. One that had begun and came to no end was ended by its deletion."""
        begun = memory.application or memory.earlier_applications
        if begun and memory.verdict is None:
            self._lives.finished(DELETED, DELETED, queue_of(memory), framework_of(memory))
            self._ended(memory, None)
        self._kubeflow.count("deleted", memory.namespace, framework_of(memory))

    def seen(self, memory: Memory, containers: Mapping[str, Container], now: float) -> None:
        """Count those that run again."""
        if not self._missed:
            return
        for replica in memory.replicas:
            if replica.key in self._missed and _runs(replica, containers):
                self._lives.replaced(max(0.0, now - self._missed.pop(replica.key)))

    def _expect(self, memory: Memory) -> None:
        """Not before it has an application: a queue that isn't there would take the place of one that is."""
        if memory.application and not self._expected:
            self._expected = True
            self._lives.expected(queue_of(memory), framework_of(memory))

    def _count_waits(self, before: Memory, after: Memory, now: float) -> None:
        # An application that YARN lost is submitted anew: the job was accepted long before that, and didn't wait since then.
        if after.active_since and not before.active_since and not after.lost_applications:
            self._lives.waited(queue_of(after), max(0.0, after.active_since - after.queued_at))
        if before.gang_since and before.gathering and not after.gathering:
            self._lives.gathered(max(0.0, now - before.gang_since))
        if after.gang_timeouts > before.gang_timeouts:
            self._lives.gang_timed_out()

    def _count_start(self, before: Memory, after: Memory) -> None:
        """The first one after a submission: a gang that is restarted has been submitted long before."""
        if before.started_at or not after.started_at or after.active_since == self._started:
            return
        self._started = after.active_since
        if not after.lost_applications:
            self._lives.started(max(0.0, after.started_at - after.queued_at))

    def _count_restarts(self, before: Memory, after: Memory) -> None:
        if (number := after.restarts - before.restarts) > 0:
            self._kubeflow.count("restarted", after.namespace, framework_of(after), number)
        if after.closing_since:
            self._missed.clear()
        for was, replica in _restarted(before, after):
            assert replica.last_exit is not None
            self._lives.restart(replica.last_exit.cause, charged=replica.restarts > was.restarts)
            self._missed[replica.key] = replica.last_exit.at

    def _count_resizes(self, before: Memory, after: Memory) -> None:
        if before.wanted is after.wanted:
            return
        for name, now in after.wanted.items():
            was = before.wanted.get(name, Wanted())
            if now.number != was.number and now.at > was.at:  # an edit leaves the time
                fewer = now.number and (not was.number or now.number < was.number)
                self._lives.resized(SHRINK if fewer else GROW)

    def _count_end(self, memory: Memory, verdict: Verdict) -> None:
        result, framework = SUCCEEDED if verdict.succeeded else FAILED, framework_of(memory)
        self._lives.finished(result, verdict.reason, queue_of(memory), framework)
        if memory.active_since:
            self._lives.lasted(result, max(0.0, verdict.at - memory.active_since))
        self._ended(memory, verdict)
        self._kubeflow.count("successful" if verdict.succeeded else "failed", memory.namespace, framework)


def _whole(before: Memory, after: Memory) -> Memory:
    """A run that is over, with what was forgotten of it in the very pass in which it was over (plan/close.py)."""
    if not after.expired:
        return after
    applications = before.earlier_applications
    return replace(after, lives=before.lives, phases=before.phases, earlier_applications=applications)


def queue_of(memory: Memory) -> str:
    """Where the job is, was, or wants to be; empty where nobody can tell."""
    if memory.application:
        return memory.application.queue
    job = last_good(memory)
    return memory.begun_with.get("spec.queue") or (job.spec.queue if job else "")


def framework_of(memory: Memory) -> str:
    """Of the declaration in force; empty where none could ever be read."""
    job = last_good(memory)
    return job.spec.framework.value if job else ""


def _restarted(before: Memory, after: Memory) -> Iterator[tuple[ReplicaMemory, ReplicaMemory]]:
    """Replicas, before and after, whose restart, charged or not, was decided in between."""
    if before.replicas is after.replicas:
        return
    known = {replica.key: replica for replica in before.replicas}
    for replica in after.replicas:
        was = known.get(replica.key)
        if was is not None and replica.last_exit is not None and _tries(replica) > _tries(was):
            yield was, replica


def _tries(replica: ReplicaMemory) -> int:
    return replica.restarts + replica.replacements


def _runs(replica: ReplicaMemory, containers: Mapping[str, Container]) -> bool:
    """Whether it has a container, which is another than the one that ended, and its process runs."""
    container = containers.get(replica.container)
    return container is not None and container.state is ContainerState.RUNNING
