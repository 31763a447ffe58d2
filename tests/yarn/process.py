"""One container as its NodeManager has it, and the process in it: starting, running, being started anew, ending.

Lives here: ContainerImpl's rules. Never here: who may tell it what (nodemanager.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trainmaster.hadoop.containers import LaunchContext, NmState
from trainmaster.master.launch import ORDER
from trainmaster.plan.classify import STALE
from yarn.application import Container

NOWHERE = "file:///nowhere/"
"""what can't be localised"""
TERMINATED = (143, 137)
"""ContainerExecutor.ExitCode: TERMINATED, FORCE_KILLED"""
AT_TERM = "AT_TERM"
"""variable of a launch: with which exit code its process ends when it is told to go, instead of dying of it"""


@dataclass
class Process:
    """A container as its NodeManager has it (ContainerImpl), and whether its process really lives."""

    of: Container
    state: NmState = NmState.NEW
    exit: int | None = None
    words: str = ""
    dying: tuple[int, str] | None = None
    """it was told to stop, and hasn't yet"""
    launch: LaunchContext = field(default_factory=lambda: LaunchContext("true"))
    order: int = 0
    """by which its newest process began: our launcher keeps it in the working folder, and begins nothing by an older one"""
    number: int = 1
    """of the process in this container: another one after each re-initialising"""
    again: LaunchContext | None = None
    """what is to be started in place of the process (ContainerImpl.ReInitializationContext)"""
    awaits_kill: bool = False
    """REINITIALIZING_AWAITING_KILL, and not REINITIALIZING any more"""
    reinitialising: bool = False
    """ContainerImpl.isReInitializing: stays set where localising failed, and locks the container"""
    lingers: bool = False
    """it takes its time to go, as yarn.nodemanager.sleep-delay-before-sigkill.ms may let it"""
    begged: int = 0
    """how often it was sent SIGTERM alone"""
    deaf: bool = False
    """it doesn't go for that, or takes longer than it may"""
    excused: bool = False
    """it was out of everybody's sight for so long that another may run in its place"""

    @property
    def lives(self) -> bool:
        return self.state is not NmState.COMPLETE

    @property
    def stirs(self) -> bool:
        """Whether something is about to happen to it."""
        told = self.begged and not self.deaf
        return self.lives and bool(self.dying or self.state is NmState.NEW or self.again or told)

    def ends(self, code: int, words: str) -> None:
        if self.awaits_kill and code in TERMINATED and self.lives and not self.dying:
            self._starts_anew()  # ContainerImpl.KilledForReInitializationTransition, whoever has killed it
        elif self.lives:
            self.state, self.exit, self.words = NmState.COMPLETE, code, self.words + words
            self.again, self.awaits_kill, self.reinitialising = None, False, False

    def takes_leave(self) -> None:
        """Sent SIGTERM, it ends as it likes (ContainerLaunch.handleContainerExitCode)."""
        code = int(self.launch.environment.get(AT_TERM, TERMINATED[0]))
        self.ends(code, "Killed by external signal" if code in TERMINATED else f"exit {code}")

    def starts_anew(self, launch: LaunchContext, stamp: str) -> None:
        """ContainerImpl.ReInitializeContainerTransition."""
        self.again, self.reinitialising, self.awaits_kill = launch, True, not launch.resources
        self.words += f"[{stamp}]Container will be Re-initialized.\n"

    def goes_on(self) -> None:
        """One step of being re-initialised."""
        assert self.again
        if self.awaits_kill and self.lingers:
            return
        if self.awaits_kill:
            self.ends(int(self.launch.environment.get(AT_TERM, TERMINATED[0])), "Container exited")
        elif any(each.url.startswith(NOWHERE) for each in self.again.resources.values()):
            self.again = (
                None  # ResourceLocalizationFailedWhileReInitTransition leaves isReInitializing as it is
            )
        else:
            self.awaits_kill = True  # ResourceLocalizedWhileReInitTransition

    def _starts_anew(self) -> None:
        assert self.again
        self.launch, self.number = self.again, self.number + 1
        self.again, self.awaits_kill, self.reinitialising = None, False, False
        self.begged = 0
        self.begins()

    def begins(self) -> None:
        """Its launcher does (master/launch.py)."""
        order = int(self.launch.environment.get(ORDER, self.order + 1))
        if order <= self.order:
            self.ends(STALE, "an order of before")
        self.order = max(order, self.order)

    @property
    def state_name(self) -> str:
        """ContainerImpl's own name of its state."""
        if not self.lives:
            return "DONE"
        if self.dying:
            return "KILLING"
        if self.again:
            return "REINITIALIZING_AWAITING_KILL" if self.awaits_kill else "REINITIALIZING"
        return "SCHEDULED" if self.state is NmState.NEW else "RUNNING"

    @property
    def told(self) -> NmState:
        """As a status tells it: what waits for the kill has the sub-state SCHEDULED (ContainerImpl.getContainerSubState)."""
        return NmState.NEW if self.lives and self.awaits_kill else self.state
