"""Makes tests of plan/ read as sentences about states: a job, a world around it, and what happens in it.

Lives here: `job(worker=2)` and `World`, which holds what a shell would hold and hands it to decide(). Never here: a rule of
YARN (simulator.py has those), or an assertion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import Condition, ConditionType, FieldProblem, JobStatus, ReplicaStatus
from trainmaster.hadoop.values import Resource
from trainmaster.plan.decide import begun, decide
from trainmaster.plan.memory import ApplicationMemory, Key, Memory, ReplicaMemory
from trainmaster.plan.values import (
    Action,
    AppState,
    Cluster,
    Container,
    ContainerState,
    End,
    Event,
    Limits,
    Node,
    Plan,
    Release,
    Seen,
    Size,
    Stop,
    Terminate,
)

A = TypeVar("A", bound=Action)
SIZE = Size(1024, 1, 0)
"""of every container, unless a test says another"""
BIG = Size(65536, 64, 8)


def job(
    framework: str = "Generic",
    policy: Mapping[str, Any] | None = None,
    gang: Mapping[str, Any] | None = None,
    success: str | None = None,
    roles: Mapping[str, Mapping[str, Any]] | None = None,
    spec: Mapping[str, Any] | None = None,
    grace: float = 0,
    **replicas: int,
) -> TrainingJob:
    """A job as a person would write it; `roles` adds fields to single roles, `policy` is runPolicy. Unless `grace` says another,
    its processes need no time to end in."""
    more = roles or {}
    written = {
        role: {
            "replicas": n,
            "command": f"train {role}",
            "terminationGracePeriod": grace,
            **more.get(role, {}),
        }
        for role, n in {**dict.fromkeys(more, 1), **replicas}.items()
    }
    document: dict[str, Any] = {"framework": framework, "roles": written, "runPolicy": {**(policy or {})}}
    document |= {"gang": gang} if gang else {}
    document |= {"successPolicy": success} if success else {}
    return TrainingJob.model_validate({"metadata": {"name": "mnist"}, "spec": {**document, **(spec or {})}})


def declared(job: TrainingJob | None, **more: Any) -> Declared:
    given = {"source": "folder", "uid": "u-1", "path": "mnist.yaml", "owner": "alice", **more}
    return Declared(namespace="default", name="mnist", job=job, **given)


def key(name: str) -> Key:
    """worker-0 as a key."""
    role, _, index = name.rpartition("-")
    return Key(role, int(index))


def size_of(resource: Resource) -> Size:
    return Size(resource.memory, resource.vcores, resource.gpus)


def cluster(*hosts: str, size: Size = BIG, largest: Size = BIG, **more: Any) -> Cluster:
    nodes = tuple(Node(host, "/rack", size, size) for host in hosts or ("a", "b"))
    return Cluster(largest=largest, nodes=nodes, **more)


THROUGH_NEW = Limits(first_cause_wait=0, in_place=False)
"""a restart of the whole job gives all containers back, as it does also where they can't be kept"""


@dataclass
class World:
    """What a shell holds of one job, and the plans that came of it."""

    job: TrainingJob
    now: float = 10_000.0
    limits: Limits = field(default_factory=lambda: Limits(first_cause_wait=0))
    declared: Declared = field(init=False)
    memory: Memory = field(init=False)
    seen: Seen = field(init=False)
    plan: Plan = field(init=False)
    writes: list[Memory] = field(default_factory=list)
    """memories that differed, and so were written"""
    events: list[Event] = field(default_factory=list)
    made: int = 0
    applications: int = 0

    def __post_init__(self) -> None:
        self.declared = declared(self.job)
        self.memory = begun(self.declared)
        self.seen = Seen(cluster=cluster())
        self.decides()

    # --- the shell's part

    def decides(self) -> Plan:
        """One pass: decide, write if it differs, adopt; ends that were judged are gone."""
        self.plan = decide(self.declared, self.memory, self.seen, self.now, self.limits)
        if self.plan.memory != self.memory:
            self.writes.append(self.plan.memory)
        self.memory = self.plan.memory
        self.events.extend(self.plan.events)
        self.seen = replace(self.seen, ends=())
        return self.plan

    def sees(self, **changes: Any) -> World:
        """Something is seen anew, and a pass follows."""
        self.seen = replace(self.seen, **changes)
        self.decides()
        return self

    def declares(self, job: TrainingJob | None = None, **more: Any) -> World:
        """The declaration changes."""
        self.declared = replace(self.declared, job=job, generation=self.declared.generation + 1, **more)
        self.decides()
        return self

    def deletes(self) -> World:
        self.declared = replace(self.declared, deleted=True)
        self.decides()
        return self

    def breaks(self, reason: str = "no such field") -> World:
        """The file can't be read any more."""
        return self.declares(None, problems=(FieldProblem(field="spec", value="", reason=reason),))

    def later(self, seconds: float) -> World:
        self.now += seconds
        self.decides()
        return self

    # --- YARN's part

    def registers(self) -> World:
        """The application is opened: its id and token are written, and it is registered."""
        self.applications += 1
        id_ = f"application_1_{self.applications:04d}"
        self.memory = replace(
            self.memory,
            application=ApplicationMemory(
                id_, "dG9rZW4=", user="alice", queue="default", submitted_at=self.now
            ),
        )
        return self.sees(application=AppState.REGISTERED)

    def says(self, state: AppState, words: str = "") -> World:
        """YARN says this of the application."""
        return self.sees(application=state, application_words=words)

    def closes(self) -> World:
        """YARN takes in the end of the application, and nothing of it lives any more."""
        return self.sees(application=AppState.CLOSED, containers={}).sees(application=AppState.NONE)

    def grants(self, *names: str, node: str = "a", run: int = 0) -> World:
        """Containers for these replicas' present runs, on one node."""
        for name in names:
            self._add(name, node, run or self._wanted_run(name), ContainerState.ALLOCATED)
        self.decides()
        return self

    def _wanted_run(self, name: str) -> int:
        """As it is asked for; who is to join others is remembered of only once all have come."""
        asked = next((ask.run for ask in self.plan.asks if ask.key == key(name)), 0)
        return asked or self.replica(name).run

    def _add(self, name: str, node: str, run: int, state: ContainerState) -> None:
        self.made += 1
        new = Container(f"c{self.made}", f"{node}:45454", f"{node}:8042", key(name), run, SIZE, state)
        self.seen = replace(self.seen, containers={**self.seen.containers, new.id: new})

    def turns(self, state: ContainerState, *names: str) -> World:
        """The bound containers of these replicas are seen in this state."""
        ids = {self.replica(name).container for name in names}
        return self.sees(
            containers={
                i: replace(c, state=state) if i in ids else c for i, c in self.seen.containers.items()
            }
        )

    def starts(self, *names: str) -> World:
        return self.turns(ContainerState.RUNNING, *(names or self.names))

    def begins_anew(self, *names: str) -> World:
        """Their NodeManagers have put other processes in place of the old ones: ones that wait, or of the next generation."""
        ids = {self.replica(name).container: self.replica(name).process for name in names}
        found = self.seen.containers
        begun = {i: replace(c, process=ids[i], told=ids[i]) if i in ids else c for i, c in found.items()}
        return self.sees(containers=begun)

    def runs(self, node: str = "a") -> World:
        """Everything is granted on one node, bound and running."""
        if self.seen.application is not AppState.REGISTERED:
            self.registers()
        wanted = [str(ask.key) for ask in self.plan.asks]
        return self.grants(*wanted, node=node).starts(*wanted)

    def ends(self, name: str, code: int, words: str = "", container: str = "") -> World:
        """A container ends, and its end is heard in a pass of its own."""
        return self.all_end({name: code}, words, container)

    def all_end(self, codes: Mapping[str, int], words: str = "", container: str = "") -> World:
        """Several end, and their ends are heard together, in this order."""
        ends = []
        for name, code in codes.items():
            id_ = container or self.replica(name).container or self.replica(name).previous
            ends.append(End(id_, code, words, self.now))
            self._drop(id_)
        return self.sees(ends=tuple(ends))

    def _drop(self, id_: str) -> None:
        left = {i: c for i, c in self.seen.containers.items() if i != id_}
        self.seen = replace(self.seen, containers=left)

    def vanishes(self, *names: str) -> World:
        """Containers aren't listed any more, and nobody said that they ended."""
        for name in names:
            self._drop(self.replica(name).container)
        self.decides()
        return self

    def obeys(self) -> World:
        """What was to be stopped or released ends, as YARN tells it: -105 and -100."""
        ends = [End(a.container, -105, "", self.now) for a in self.told(Stop)]
        ends += [End(a.container, 143, "Killed by external signal", self.now) for a in self.told(Terminate)]
        ends += [End(a.container, -100, "", self.now) for a in self.told(Release)]
        for end in ends:
            self._drop(end.container)
        return self.sees(ends=tuple(ends))

    # --- what came of it

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(r.key) for r in self.memory.replicas)

    def replica(self, name: str) -> ReplicaMemory:
        found = self.memory.replica(key(name))
        assert found is not None, f"{name} is not remembered"
        return found

    def told(self, kind: type[A]) -> list[A]:
        """The last plan's actions of one kind."""
        return [a for a in self.plan.actions if isinstance(a, kind)]

    @property
    def told_names(self) -> list[str]:
        return [type(a).__name__ for a in self.plan.actions]

    @property
    def asked(self) -> set[str]:
        return {str(ask.key) for ask in self.plan.asks}

    @property
    def status(self) -> JobStatus:
        return self.plan.status

    def condition(self, type_: str) -> Condition:
        found = self.status.condition(ConditionType(type_))
        assert found is not None, f"no condition {type_}"
        return found

    def is_true(self, type_: str) -> bool:
        """Also one that isn't shown, since it has never been True, is not."""
        return self.status.is_true(ConditionType(type_))

    def shown(self, name: str) -> ReplicaStatus:
        return self.status.roles[key(name).role].replicas[key(name).index]

    @property
    def heard(self) -> list[str]:
        """Reasons of all events so far."""
        return [event.reason for event in self.events]
