"""A small world that decide() is driven in: YARN with its odd ways, a shell that obeys, users, accidents.

Lives here: what happens, drawn as (name, number) pairs, each followed by one pass of the shell. What must never happen is in
laws.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from plan.shell import Shell
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.plan.memory import ApplicationMemory
from trainmaster.plan.values import AppState, ContainerState, End

S = ContainerState
WAITS = (0.2, 1.0, 5.0, 10.0, 60.0, 300.0, 700.0)
CODES = (0, 1, 137, 75, 1, -100, -102, -104, 42, -1000)


@dataclass
class Simulator(Shell):
    """The shell, and all that may happen to it."""

    heard: list[End] = field(default_factory=list)

    # --- YARN and its nodes

    def beat(self, number: int) -> None:
        """A heartbeat, or the next step of opening the application."""
        if self.application is AppState.OPENING:
            self._open_further()
        elif self.application is AppState.REGISTERED:
            granted, ended = self.yarn.allocate(self.plan.asks, number, self.now)
            for real in granted:
                self.containers[real.id] = real.seen(S.ALLOCATED)
            self._hear(ended)

    def _hear(self, ends: list[End]) -> None:
        self.ends, self.heard = tuple(ends), [*self.heard, *ends]
        for end in ends:
            self.containers.pop(end.container, None)

    def goes_on(self, number: int) -> None:
        """A while in which nothing special happens."""
        for _ in range(5):
            for name in ("beat", "nodes_work"):
                self.step(name, 7 + number)

    def _open_further(self) -> None:
        application = self.memory.application
        if application is None:
            new = ApplicationMemory(self.yarn.new_id(), user="alice", queue="default", submitted_at=self.now)
            self.write(replace(self.memory, application=new))
        elif not application.token:
            self.yarn.submit(application.id)
            self.write(replace(self.memory, application=replace(application, token="dG9rZW4=")))
        elif self.yarn.application != application.id:
            self.over(AppState.LOST)
        else:
            self.application = AppState.REGISTERED
            self._list()

    def _list(self) -> None:
        for real in self.yarn.listed():
            if real.id not in self.containers:
                self.containers[real.id] = real.seen(S.UNKNOWN)

    def nodes_work(self, number: int) -> None:
        """NodeManagers start and stop what they were told to, and answer what they run."""
        self.yarn.work(number)
        for container in list(self.containers.values()):
            if container.state in (S.UNKNOWN, S.STARTING) and (state := self.yarn.tells(container.id)):
                self.turn(container.id, state)

    def ends_process(self, number: int) -> None:
        self.yarn.ends_process(number // len(CODES), CODES[number % len(CODES)])

    def launch_fails(self, number: int) -> None:
        """A start call is answered with a refusal, or the node can't be reached."""
        starting = [c for c in self.containers.values() if c.state is S.STARTING]
        if starting and self.application is AppState.REGISTERED:
            chosen = starting[number // 2 % len(starting)].id
            if self.yarn.never_starts(chosen):
                self._hear([End(chosen, (-1000, -1)[number % 2], "", self.now)])

    def node_lost(self, number: int) -> None:
        self.yarn.loses_node(number)

    def node_back(self, number: int) -> None:
        """A NodeManager comes (back) to the ResourceManager, which then lists its containers at a register."""
        self.yarn.gets_node(number)
        if self.application is AppState.REGISTERED:
            self._list()

    def manager_restarts(self, _number: int) -> None:
        """Nothing is listed until the nodes are back; grants that were not started are gone without a word."""
        if self.application is AppState.REGISTERED:
            self.yarn.restarts(self.now)
            self.containers = {}

    def manager_away(self, _number: int) -> None:
        away = {AppState.REGISTERED: AppState.AWAY, AppState.AWAY: AppState.REGISTERED}
        self.application = away.get(self.application, self.application)

    def application_ends(self, number: int) -> None:
        """Lost by YARN, or killed by somebody, or refused."""
        if self.application is AppState.REGISTERED:
            self.over((AppState.LOST, AppState.LOST, AppState.LOST, AppState.KILLED)[number % 4])
        elif self.application is AppState.OPENING and self.memory.application and number % 4 == 0:
            self.over(AppState.REFUSED, "Queue root.a already has 5 applications")

    def end_again(self, number: int) -> None:
        """An end is told a second time."""
        if self.heard and self.application is AppState.REGISTERED:
            self.ends = (self.heard[number % len(self.heard)],)

    # --- people, time, the controller

    def waits(self, number: int) -> None:
        self.now += WAITS[number % len(WAITS)]

    def wakes(self, _number: int) -> None:
        if not self.forgotten and self.plan.wake_at is not None:
            self.now = self.plan.wake_at

    def edits(self, number: int) -> None:
        self._declare(self.jobs[number % len(self.jobs)])

    def breaks(self, _number: int) -> None:
        problem = FieldProblem(field="spec", value="", reason="can't be read")
        self._declare(None, problems=(problem,))

    def rolls_back(self, number: int) -> None:
        """An older controller takes over that can read neither what was declared nor what is remembered of it."""
        self.breaks(number)
        if self.journal and self.journal.document:
            document = json.loads(self.journal.document) if number % 2 else {}
            document["spec"] = {**document.get("spec", {}), "later": number}
            self.journal = replace(self.journal, document=json.dumps(document))
        self.dies()

    def _declare(self, job: TrainingJob | None, problems: tuple[FieldProblem, ...] = ()) -> None:
        self.declared = replace(
            self.declared, job=job, problems=problems, generation=self.declared.generation + 1
        )

    def deletes(self, number: int) -> None:
        self.declared = replace(self.declared, deleted=self.declared.deleted or number % 4 == 0)

    def takes_turns(self, _number: int) -> None:
        self.may_ask = not self.may_ask

    def crashes(self, number: int) -> None:
        self.cycle("before" if number % 2 else "after")

    # --- a run

    def step(self, name: str, number: int) -> None:
        if not self.forgotten:
            getattr(self, name)(number)
            self.cycle()

    def calms_down(self, most: int = 150) -> None:
        """Accidents end; all that is left is to go on until nothing changes."""
        self.may_ask = True
        if self.application is AppState.AWAY:
            self.application = AppState.REGISTERED
        if self.declared.job is None and not self.declared.deleted:
            self._declare(self.jobs[0])
        for host in range(3):
            self.step("node_back", host)
        for _ in range(most):
            self.goes_on(0)
            if self.rests():
                return
            self.step("wakes", 0)
        raise AssertionError(f"it never came to rest: {self.memory}")

    def rests(self) -> bool:
        """Whether the job is where it was meant to be: running, suspended, finished or gone."""
        memory = self.memory
        if self.forgotten or memory.closed_at or (memory.suspended and memory.application is None):
            return not self.declared.deleted or self.forgotten
        live = {r.id for r in self.yarn.running()}
        return bool(memory.started_at) and {r.container for r in memory.replicas if not r.done} == live


OFTEN = (
    "beat",
    "nodes_work",
    "goes_on",
    "goes_on",
    "ends_process",
    "ends_process",
    "waits",
    "wakes",
    "crashes",
)
NOW_AND_THEN = (
    "launch_fails",
    "node_lost",
    "node_back",
    "node_back",
    "manager_restarts",
    "end_again",
    "edits",
)
SELDOM = ("manager_away", "application_ends", "breaks", "rolls_back", "deletes", "takes_turns")
OPERATIONS = (*OFTEN * 4, *NOW_AND_THEN * 2, *SELDOM)
