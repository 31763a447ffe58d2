"""One decision's inputs, held together, and the small questions that every step asks of them.

Lives here: `Case` (declaration, sight, time, limits), `Change` (what a step hands to the next) and `Draft` (one in the
making). Never here: a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import is_

from trainmaster.api.declared import Declared
from trainmaster.api.job import RestartScope, Role, TrainingJob
from trainmaster.frameworks import default_scope
from trainmaster.plan.ends import Survivor
from trainmaster.plan.memory import Key, Memory, ReplicaMemory, changed, replace
from trainmaster.plan.values import IDLE, AppState, Container, ContainerState, Event, Limits, Seen, Size


@dataclass(frozen=True)
class Case:
    """What is known at this moment of one job that has a readable declaration."""

    declared: Declared
    job: TrainingJob
    seen: Seen
    now: float
    limits: Limits
    held: tuple[str, str] | None = None
    """reason and message why the newest declaration is not in force (in_force.py); None while it is"""
    unread: bool = False
    """whether nothing readable was declared: then `job` is only an outline of it (unread.py), and nothing may be run by it"""
    before: TrainingJob | None = None
    """what was in force at the last decision: it has the roles that an edit takes out"""
    as_written: TrainingJob | None = None
    """the declaration that `job` was made of, where other numbers of replicas are wanted now (wanted.py)"""

    @property
    def written(self) -> TrainingJob:
        """What is declared; `job` has the numbers of replicas that are wanted."""
        return self.as_written or self.job

    def role(self, key: Key) -> Role:
        return self.job.spec.roles[key.role]

    def size(self, key: Key) -> Size:
        wanted = self.role(key).resources
        return Size(wanted.memory, wanted.vcores, wanted.gpus)

    def scope(self, key: Key) -> RestartScope:
        return self.role(key).restart_scope or default_scope(self.job, key.role)

    def grace(self, role: str) -> float | None:
        """Seconds that a process of this role has to end in; None where no declaration has the role any more.

        The newest one counts where it grants less, also when it is not in force: a job that is being deleted can be hurried.
        """
        if self.declared.at_once:
            return 0.0
        found = [
            job.spec.roles[role].grace
            for job in (self.job, self.declared.job)
            if job and role in job.spec.roles
        ]
        if not found and self.before and role in self.before.spec.roles:
            return self.before.spec.roles[role].grace
        return min(found, default=None)

    @property
    def yarn_away(self) -> bool:
        """Whether YARN could not be asked when that was last tried."""
        trying = self.seen.application in (AppState.NONE, AppState.OPENING)
        return self.seen.application is AppState.AWAY or (trying and bool(self.seen.application_words))

    @property
    def looked_elsewhere(self) -> bool:
        """Whether what is seen of a queue is of another one than the job now wants: of that nothing is known yet."""
        return self.seen.queue not in ("", self.job.spec.queue)

    @property
    def registered(self) -> bool:
        return self.seen.application is AppState.REGISTERED

    def has_application(self, memory: Memory) -> bool:
        """Whether there is an application of this job, or may be: one that is just being opened has no id here yet."""
        return memory.application is not None or self.seen.application is AppState.OPENING

    @cached_property
    def by_key(self) -> Mapping[Key, tuple[Container, ...]]:
        """Live containers by the place they were asked for."""
        found: dict[Key, tuple[Container, ...]] = {}
        for container in self.seen.containers.values():
            if container.key is not None:
                found[container.key] = (*found.get(container.key, ()), container)
        return found

    def granted(self, replica: ReplicaMemory) -> Container | None:
        """A container that YARN granted for just this run of the replica, and that can be started."""
        return next(
            (
                c
                for c in self.by_key.get(replica.key, ())
                if c.run == replica.run and c.state is ContainerState.ALLOCATED
            ),
            None,
        )

    def others_live(self, replica: ReplicaMemory, chosen: Container) -> bool:
        """Whether a process of the same identity may still run: then nothing is started in its place."""
        return any(c.id != chosen.id and c.state not in IDLE for c in self.by_key.get(replica.key, ()))

    def lingers(self, replica: ReplicaMemory) -> bool:
        """Whether a process of an earlier run may still live: nobody who can know has said that it is over.

        A ResourceManager calls a container ended once it has given it away, and one that was restarted lists none until
        its node is back. So only the NodeManager's word counts, or the time after which YARN waits no longer for a node.
        """
        return any(self.now < s.until for s in replica.survivors)

    def in_doubt(self, replica: ReplicaMemory) -> bool:
        """Whether that has been so for long: its container would be kept from others for nothing."""
        return any(_doubts(s, self.now, self.limits) for s in replica.survivors)

    def gang_lingers(self, memory: Memory) -> bool:
        """Whether any process of an earlier generation may still live, also of a replica that the job has no more."""
        return any(self.now < s.until for _, s in memory.leaving)

    def gang_in_doubt(self, memory: Memory) -> bool:
        """Whether that has been so for long."""
        return gang_in_doubt(memory, self.now, self.limits)

    def doubted(self, memory: Memory) -> list[tuple[Key, Survivor]]:
        """Whose end has been waited for so long. For those that were scaled away only a gang waits."""
        keys = None if memory.gathering else {r.key for r in memory.replicas if r.survivors}
        found = ((key, s) for key, s in memory.leaving if keys is None or key in keys)
        return [(key, s) for key, s in found if _doubts(s, self.now, self.limits)]

    def state_of(self, replica: ReplicaMemory) -> ContainerState | None:
        """What is seen of a bound replica's container; None when it isn't seen at all."""
        container = self.seen.containers.get(replica.container)
        return container.state if container else None

    def has_come(self, replica: ReplicaMemory) -> bool:
        """Whether its process is known to have taken the place of the one before it in its container."""
        container = self.seen.containers.get(replica.container)
        runs = container is not None and container.state is ContainerState.RUNNING
        return container is not None and runs and container.process == replica.process


def gang_in_doubt(memory: Memory, now: float, limits: Limits) -> bool:
    """Whether the end of an earlier process has been waited for so long that no container is to be kept for a gang."""
    return any(_doubts(s, now, limits) for _, s in memory.leaving)


def _doubts(survivor: Survivor, now: float, limits: Limits) -> bool:
    return doubted_from(survivor, limits) <= now < survivor.until


def doubted_from(survivor: Survivor, limits: Limits) -> float:
    """When it should have ended, and somebody should have said so."""
    return max(survivor.since, survivor.grace_until) + limits.doubt_patience


@dataclass(frozen=True, slots=True)
class Change:
    """What a step made of the memory, and what a person would want to hear of it."""

    memory: Memory
    events: tuple[Event, ...] = ()

    def then(self, memory: Memory, *events: Event) -> Change:
        return Change(memory, (*self.events, *events))


class Draft:
    """A memory while one step changes many of its replicas: what changes often lies open, the rest is a frozen value.

    So a change costs the same however many replicas there are. Rows keep their places.
    """

    def __init__(self, memory: Memory) -> None:
        self._events: list[Event] = []
        self.become(memory)

    def become(self, memory: Memory) -> None:
        """Take over a memory that was made of all rows together."""
        self._rest, self.rows = memory, list(memory.replicas)
        self.gathering = memory.gathering
        self.verdict, self.charged = memory.verdict, memory.charged
        self.restarts, self.restart_cause = memory.restarts, memory.restart_cause
        self.given_up, self.failure, self.avoided = memory.given_up, memory.failure, memory.avoided
        self.root, self.gpu_faults = memory.root, memory.gpu_faults

    def memory(self) -> Memory:
        """The memory as it is now."""
        same = all(
            map(is_, self.rows, self._rest.replicas)
        )  # by identity: seen times differ in rows that are equal
        rows = self._rest if same else replace(self._rest, replicas=tuple(self.rows))
        return changed(
            rows,
            verdict=self.verdict,
            charged=self.charged,
            restarts=self.restarts,
            restart_cause=self.restart_cause,
            given_up=self.given_up,
            failure=self.failure,
            avoided=self.avoided,
            root=self.root,
            gpu_faults=self.gpu_faults,
        )

    def tell(self, event: Event) -> None:
        self._events.append(event)

    def done(self) -> Change:
        return Change(self.memory(), tuple(self._events))


def normal(reason: str, message: str) -> Event:
    return Event(warning=False, reason=reason, message=message)


def warning(reason: str, message: str) -> Event:
    return Event(warning=True, reason=reason, message=message)
