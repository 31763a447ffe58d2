"""The simulator's YARN: one application, three nodes, asks, grants, ends that are handed out once, restarts.

Kept to what ARCHITECTURE.md says of the real one: ends are acknowledged by the next heartbeat, a restarted ResourceManager lists
nothing until the nodes are back, and a container's token is gone with the controller that got it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from plan.build import SIZE
from trainmaster.plan.memory import Key
from trainmaster.plan.values import Ask, Container, ContainerState, End

HOSTS = ("a", "b", "c")


@dataclass
class Real:
    """A container as it really is."""

    id: str
    key: Key
    run: int
    host: str
    told: str = ""
    """"start" or "stop", and the node hasn't done so yet"""
    live: bool = False
    """its process runs"""
    over: bool = False
    token: bool = True
    """whether the controller of today could start it"""
    shown: bool = True
    """whether the ResourceManager of today knows it"""
    code: int = 0
    hidden_at: float = 0.0
    given_up: bool = False
    """nobody could see it for longer than a node may be away"""
    silent: bool = False
    """it ended while the ResourceManager did not have its node"""

    def seen(self, state: ContainerState) -> Container:
        return Container(self.id, f"{self.host}:45454", f"{self.host}:8042", self.key, self.run, SIZE, state)


@dataclass
class Yarn:
    application: str = ""
    made: int = 0
    all: list[Real] = field(default_factory=list)
    back: set[str] = field(default_factory=lambda: set(HOSTS))
    """nodes that the ResourceManager of today has"""
    ended: list[End] = field(default_factory=list)
    """not handed out yet"""
    answered: list[End] = field(default_factory=list)
    """in the last answer, which a new controller gets again"""
    replays: bool = False

    # --- the ResourceManager

    def new_id(self) -> str:
        self.made += 1
        return f"application_1_{self.made:04d}"

    def submit(self, application: str) -> None:
        self.application = application

    def allocate(self, asks: Sequence[Ask], number: int, now: float) -> tuple[list[Real], list[End]]:
        """Some of what is asked for, and all ends since the last answer."""
        if self.replays:
            self.replays = False
            return [], list(self.answered)
        open_ = {(r.key, r.run) for r in self.all if not r.over and r.shown and r.token}
        wanted = [a for a in asks if (a.key, a.run) not in open_ and self.back]
        granted = [self._grant(ask, number) for ask in wanted[: number % 8]]
        self.answered, self.ended = [End(e.container, e.code, "", now) for e in self.ended], []
        return granted, list(self.answered)

    def _grant(self, ask: Ask, number: int) -> Real:
        hosts = sorted(self.back)
        host = ask.host if ask.host in self.back and number % 3 else hosts[number % len(hosts)]
        self.made += 1
        new = Real(f"c{self.made}", ask.key, ask.run, host)
        self.all.append(new)
        return new

    def listed(self) -> list[Real]:
        return [r for r in self.all if not r.over and r.shown]

    def ends_application(self) -> None:
        for real in self.all:
            real.live, real.over = False, True
        self.application, self.ended, self.answered = "", [], []

    def forget_tokens(self) -> None:
        """The controller died: what it was granted can't be started any more, and the last answer is told again."""
        self.replays = True
        for real in self.all:
            real.token = False

    def restarts(self, now: float) -> None:
        self.back = set()
        for end in self.ended:
            self._find(end.container).silent = True
        self.ended = []
        for real in self.all:
            real.hidden_at = now if real.shown else real.hidden_at
            real.shown = False
            real.over = real.over or not (real.live or real.told)

    # --- NodeManagers

    def start(self, container: str) -> None:
        self._find(container).told = "start"

    def stop(self, container: str) -> None:
        self._find(container).told = "stop"

    def release(self, container: str) -> None:
        self._end(self._find(container), -100)

    def work(self, number: int) -> None:
        """Starts and stops are carried out; a process that is stopped may end with a code of its own."""
        for real in self.all:
            if real.told == "start" and not real.over:
                real.live, real.told = True, ""
            elif real.told == "stop":
                self._end(real, (-105, 143, 1, 0)[number % 4])

    def tells(self, container: str) -> ContainerState | None:
        """What its NodeManager says of a container; None while it is about to start or stop it."""
        real = self._find(container)
        if real.over or real.told:
            return None
        return ContainerState.RUNNING if real.live else ContainerState.UNSTARTABLE

    def never_starts(self, container: str) -> bool:
        real = self._find(container)
        if real.told != "start":
            return False
        real.over, real.told = True, ""
        return True

    def running(self) -> list[Real]:
        return [r for r in self.all if r.live]

    def ends_process(self, number: int, code: int) -> None:
        running = self.running()
        if running:
            self._end(running[number % len(running)], code)

    def loses_node(self, number: int) -> None:
        host = HOSTS[number % 3]
        for real in self.all:
            if real.host == host and not real.over:
                self._end(real, -100)

    def gets_node(self, number: int) -> None:
        host = HOSTS[number % 3]
        self.back.add(host)
        for real in self.all:
            if real.host == host and not real.shown:
                real.shown = True
                if real.over and real.silent:
                    self.ended.append(End(real.id, real.code, "", 0.0))
                    real.silent = False

    def _end(self, real: Real, code: int) -> None:
        """It ends now; the ResourceManager hears of it once it has the node."""
        if real.over:
            return
        real.live, real.over, real.told, real.code = False, True, "", code
        if real.shown:
            self.ended.append(End(real.id, code, "", 0.0))
        else:
            real.silent = True

    def _find(self, container: str) -> Real:
        return next(r for r in self.all if r.id == container)
