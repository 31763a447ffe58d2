"""The simulated YARN: one ResourceManager, its NodeManagers, and the time that passes between them.

Whoever speaks to it does so through the calls here, which answer as the wires do, in their values and errors, and which may go
wrong on their way (answers.py). What happens by itself (heartbeats of nodes, expiries) is caught up with at each call, in order
of time; with `by_hand` only a test makes it happen. Everything is deterministic. Never here: an assertion of a law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from trainmaster.errors import TrainmasterError, UnavailableError
from trainmaster.hadoop.containers import LaunchContext, NmStatuses, Reinitialising
from trainmaster.hadoop.values import QueueState, Resource
from yarn.answers import Answers
from yarn.application import Application, Container
from yarn.clients import Clients
from yarn.masters import Masters
from yarn.nodemanager import NodeManager, Process
from yarn.queues import ENDLESS, Queue
from yarn.resourcemanager import Options, ResourceManager
from yarn.scheduler import Scheduler, host_of
from yarn.tokens import read_container_token
from yarn.tracking import PREEMPTED

T = TypeVar("T")

LEAST = Resource(1, 1)
BEAT = 1.0
"""seconds between two heartbeats of a node (yarn.resourcemanager.nodemanagers.heartbeat-interval-ms)"""
CHECKS = 3
"""a monitor looks so often within the time after which it gives up (AbstractLivelinessMonitor)"""


@dataclass
class Due:
    """Something that happens by itself, again and again."""

    every: float
    happens: Callable[[], None]
    at: float


@dataclass
class Simulated:
    """A cluster."""

    clock: Callable[[], float]
    nodes: Sequence[NodeManager]
    queues: Sequence[Queue] = ()
    """where none is given, each is made when it is first named"""
    options: Options = field(default_factory=Options)
    configured: Resource = ENDLESS
    minimum: Resource = LEAST
    off_switch: int | None = None
    by_hand: bool = False
    answers: Answers = field(default_factory=Answers)
    granted: dict[str, Container] = field(default_factory=dict)
    """every container that was ever granted"""

    def __post_init__(self) -> None:
        scheduler = Scheduler(self.configured, self.minimum, self.off_switch, bool(self.queues))
        scheduler.queues.update({queue.name: queue for queue in self.queues})
        self.rm = ResourceManager(scheduler, self.options)
        self.clients, self.masters = Clients(self.rm), Masters(self.rm)
        self.by_host = {nm.host: nm for nm in self.nodes}
        self.rm.at = self.clock()
        self._dues: list[Due] = []
        for nm in self.nodes:
            nm.at = nm.heard_at = self.rm.at
            self.beat(nm)
        self._plan()

    def _plan(self) -> None:
        now, options = self.rm.at, self.options
        step = BEAT / max(1, len(self.nodes))
        for place, nm in enumerate(self.nodes):
            self._dues.append(Due(BEAT, partial(self.beat, nm), now + BEAT - step * place))
        for patience, check in (
            (options.application_expiry, self.rm.check_masters),
            (options.node_expiry, self.rm.check_nodes),
            (options.allocation_expiry, self.rm.check_grants),
        ):
            often = patience / CHECKS
            self._dues.append(Due(often, partial(self._checks, check), now + often))

    # --- time

    def catch_up(self) -> None:
        """All that has happened by itself until now."""
        now = self.clock()
        if not self.by_hand:
            while (due := min(self._dues, key=lambda d: d.at)).at <= now:
                self._set(due.at)
                due.happens()
                due.at += due.every
                self._skip(now)
        self._set(now)

    def _skip(self, now: float) -> None:
        """Heartbeats of a cluster in which nothing is to be told change nothing: only the last one before now is made."""
        if self._stirs:
            return
        checks = min(due.at for due in self._dues if due.every != BEAT)
        for due in self._dues:
            if due.every == BEAT:
                due.at += max(0, (min(now, checks) - due.at) // BEAT) * BEAT

    @property
    def _stirs(self) -> bool:
        rm = self.rm
        if rm.scheduler.wanted or any(node.has_news for node in rm.tracking.nodes.values()):
            return True
        return any(nm.busy or nm.manager != rm.life or self._has_told(nm) for nm in self.nodes)

    def _has_told(self, nm: NodeManager) -> bool:
        node = self.rm.tracking.nodes.get(nm.node)
        if node is None:
            return True
        return any(
            p.of.id not in (node.launched if p.lives else node.completed) for p in nm.processes.values()
        )

    def _set(self, now: float) -> None:
        away = "rm" in self.answers.away or not self.rm.up
        for nm in self.nodes:
            nm.heard_at += now - self.rm.at if away else 0.0  # nobody waits for it meanwhile
            nm.at = now
        self.rm.at = now

    def _checks(self, check: Callable[[], None]) -> None:
        if self.rm.up and "rm" not in self.answers.away:
            check()

    def beat(self, nm: NodeManager) -> None:
        """One heartbeat of a node, if both ends are there. One that isn't known registers (NodeAction.RESYNC)."""
        if nm.up:
            nm.work()
        if not (nm.up and nm.hears_rm and self.rm.up) or "rm" in self.answers.away:
            return
        nm.heard(self.options.node_expiry, list(nm.processes.values()))
        tracking = self.rm.tracking
        if nm.manager != self.rm.life or nm.node not in tracking.nodes:
            tracking.register(nm, self.rm.at)
            nm.manager = self.rm.life
        else:
            tracking.beat(nm, self.rm.at)
        nm.take_key(self.rm.nm_key)
        if self.rm.ready:
            self.rm.scheduler.comes_by(tracking.nodes[nm.node].place)
            self._note_grants()

    def _note_grants(self) -> None:
        for known in self.rm.applications.values():
            self.granted |= {each.id: each for each in known.fresh}

    # --- calls to the ResourceManager

    def call(self, method: str, act: Callable[[], T]) -> T:
        """One call of a user or a master."""
        self.catch_up()
        self.answers.called(method)
        if not self.rm.up:
            raise UnavailableError("the ResourceManager is down")
        return self.answers.of(method, act)

    # --- calls to a NodeManager

    def _ask(self, method: str, node: str, act: Callable[[NodeManager], T]) -> T:
        self.catch_up()
        host = host_of(node)
        nm = self.by_host[host]
        self.answers.called(method, host)
        if not (nm.up and nm.hears_us):
            raise UnavailableError(f"{node} could not be reached")
        lived = list(nm.processes.values())
        answer = self.answers.of(method, lambda: act(nm))
        nm.heard(self.options.node_expiry, lived)  # one that only refuses our token says nothing of them
        return answer

    def start(self, node: str, nm_token: bytes, container: bytes, launch: LaunchContext) -> None:
        of = self.granted.get(read_container_token(container)[0])
        self._ask("start", node, lambda nm: nm.start(nm_token, container, launch, of))

    def statuses(self, node: str, nm_token: bytes, ids: Sequence[str]) -> NmStatuses:
        return self._ask("statuses", node, lambda nm: nm.statuses(nm_token, ids))

    def stop(self, node: str, nm_token: bytes, ids: Sequence[str]) -> dict[str, TrainmasterError | None]:
        return self._ask("stop", node, lambda nm: nm.stop(nm_token, ids))

    def terminate(self, node: str, nm_token: bytes, id_: str) -> None:
        self._ask("terminate", node, lambda nm: nm.terminate(nm_token, id_))

    def reinitialise(self, node: str, nm_token: bytes, id_: str, launch: LaunchContext) -> Reinitialising:
        return self._ask("reinitialise", node, lambda nm: nm.reinitialise(nm_token, id_, launch))

    def over(self, http: str, container: str) -> bool:
        """By a node's web server, which wants no token: complete, or not (or no more) in its context."""

        def told(nm: NodeManager) -> bool:
            process = nm.processes.get(container)
            return process is None or not process.lives

        return self._ask("web", http, told)

    def noted(self, http: str, container: str) -> bool:
        """By a node's web server, from the log folder: whether a launcher has noted that its process was told to go."""

        def told(nm: NodeManager) -> bool:
            process = nm.processes.get(container)
            return process is not None and process.begged > 0

        return self._ask("web", http, told)

    # --- what happens

    def processes(self) -> Iterator[tuple[NodeManager, Process]]:
        """All that live, wherever they are."""
        for nm in self.nodes:
            for process in nm.processes.values():
                if process.lives:
                    yield nm, process

    def running(self) -> list[str]:
        self.catch_up()
        return [process.of.id for _, process in self.processes()]

    def exits(self, container: str, code: int) -> None:
        """A process ends by itself."""
        self.catch_up()
        for _, process in list(self.processes()):
            if process.of.id == container:
                process.ends(code, f"exit {code}")

    def preempt(self, container: str, code: int = PREEMPTED[0], words: str = PREEMPTED[1]) -> None:
        """The scheduler takes it back."""
        self.catch_up()
        for known in self.rm.applications.values():
            if container in known.live:
                self.rm.preempt(known.live[container], code, words)

    def cut(self, host: str, us: bool = True, rm: bool = True) -> None:
        """A NodeManager can't be reached by us, by the ResourceManager, or both (which is also how a frozen one looks)."""
        self.catch_up()
        nm = self.by_host[host]
        nm.hears_us, nm.hears_rm = nm.hears_us and not us, nm.hears_rm and not rm

    def mend(self, host: str) -> None:
        self.catch_up()
        nm = self.by_host[host]
        nm.hears_us = nm.hears_rm = nm.up = True

    def restart(self) -> None:
        """The ResourceManager is killed and started again: for each node it waits anew."""
        self.catch_up()
        self.rm.restart()
        for nm in self.nodes:
            nm.heard(self.options.node_expiry, list(nm.processes.values()))

    def restart_node(self, host: str, recovery: bool = True) -> None:
        self.catch_up()
        self.by_host[host].restart(recovery)

    def stop_queue(self, name: str) -> None:
        """It takes no more applications (QueueState.STOPPED)."""
        queue = self.rm.scheduler.queue(name)
        assert queue is not None
        queue.state = QueueState.STOPPED

    def roll_master_tokens(self) -> None:
        """AMRMTokenSecretManager.rollMasterKey: older ones stay good until `forget_old_tokens`."""
        self.rm.next_am_key = self.rm.am_key + 1

    def forget_old_tokens(self) -> None:
        """AMRMTokenSecretManager.activateNextMasterKey."""
        self.rm.am_key, self.rm.next_am_key = self.rm.next_am_key or self.rm.am_key, None

    def roll_node_tokens(self) -> None:
        """NMTokenSecretManagerInRM.activateNextMasterKey: all are handed out anew; NodeManagers hear of the key as they beat."""
        self.rm.nm_key += 1
        for known in self.rm.applications.values():
            known.told_nodes.clear()

    def fail(self, known: Application) -> None:
        """An application is given up, as if its master had been silent for too long."""
        self.catch_up()
        known.pinged_at = float("-inf")
        self.rm.check_masters()
