"""The simulator's shell: one job's controller, as small as it can be: see, decide, write, adopt, act.

It may die before the write, or between write and act. What happens around it is in simulator.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from plan.build import BIG, declared
from plan.yarn import Yarn
from trainmaster.api.job import TrainingJob
from trainmaster.plan.decide import begun, decide, raised
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import (
    AppState,
    Cluster,
    Container,
    ContainerState,
    End,
    Finish,
    Forget,
    Kill,
    Limits,
    Node,
    Open,
    Plan,
    Release,
    RemoveDeclaration,
    Seen,
    Start,
    Stop,
)

S = ContainerState
LIMITS = Limits(port_first=20000, port_last=20019, node_expiry=600.0)
"""few ports, so that they are met twice"""


class Laws(Protocol):
    """What is checked on the way."""

    def decided(self, world: Shell, plan: Plan) -> None: ...

    def written(self, before: Memory, after: Memory) -> None: ...


@dataclass
class Shell:
    """What a controller knows of one job, and the YARN that it speaks to."""

    jobs: tuple[TrainingJob, ...]
    """the declaration and its later edits"""
    laws: Laws
    now: float = 50_000.0
    yarn: Yarn = field(default_factory=Yarn)
    application: AppState = AppState.NONE
    words: str = ""
    containers: dict[str, Container] = field(default_factory=dict)
    ends: tuple[End, ...] = ()
    may_ask: bool = True
    epoch: int = 1
    journal: Memory | None = None
    forgotten: bool = False

    def __post_init__(self) -> None:
        self.declared = declared(self.jobs[0])
        self.memory = begun(self.declared)
        self.cycle()

    @property
    def seen(self) -> Seen:
        nodes = tuple(Node(h, "/rack", BIG, BIG) for h in sorted(self.yarn.back))
        return Seen(
            application=self.application,
            application_words=self.words,
            containers=dict(self.containers),
            ends=self.ends,
            cluster=Cluster(largest=BIG, nodes=nodes),
            may_ask=self.may_ask,
        )

    def cycle(self, crash: str = "") -> None:
        """One pass; `crash` says whether the controller dies before the write or between write and act."""
        if self.forgotten:
            return
        plan = decide(self.declared, self.memory, self.seen, self.now, LIMITS)
        self.laws.decided(self, plan)
        if crash == "before":
            self.dies()
            return
        if plan.memory != self.memory and (self.journal or plan.memory.application or plan.memory.verdict):
            self.laws.written(self.memory, plan.memory)
            self.journal = plan.memory
        self.memory, self.ends = plan.memory, ()
        if crash == "after":
            self.dies()
            return
        self.plan = plan
        for action in plan.actions:
            self.act(action)

    def dies(self) -> None:
        """A new controller takes over with what was written; what the old one only knew is lost."""
        self.epoch += 1
        self.memory = raised(self.journal or begun(self.declared), self.epoch)
        self.application, self.words, self.containers, self.ends = AppState.NONE, "", {}, ()
        self.yarn.forget_tokens()

    def write(self, memory: Memory) -> None:
        self.journal = self.memory = memory

    def act(self, action: object) -> None:
        match action:
            case Open():
                self.application = AppState.OPENING
            case Start(container):
                self.yarn.start(container)
                self.turn(container, S.STARTING)
            case Stop(container):
                self.yarn.stop(container)
            case Release(container):
                self.yarn.release(container)
            case Finish():
                self.over(AppState.CLOSED)
            case Kill():
                self.over(AppState.CLOSED)
            case Forget():
                self.forgotten = True
            case RemoveDeclaration():
                self.declared = replace(self.declared, deleted=True)

    def turn(self, container: str, state: ContainerState) -> None:
        self.containers[container] = replace(self.containers[container], state=state)

    def over(self, state: AppState, words: str = "") -> None:
        self.yarn.ends_application()
        self.application, self.words, self.containers, self.ends = state, words, {}, ()
