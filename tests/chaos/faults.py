"""What may break: each fault strikes, lasts for a while, and is mended.

A fault has a target, and no second one strikes the same target before it is whole again; all others may strike meanwhile.
What nobody could bear isn't tried: a NodeManager that is silent beyond its expiry while its processes live can't be told from
a machine that is gone, and others are started for them; so it is silent for less, or its processes go too. Never here: which
fault strikes when.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chaos.yard import Yard
from trainmaster.errors import UnavailableError
from trainmaster.local import processes
from trainmaster.local.daemons import Daemons

T = TypeVar("T")
Mend = Callable[[], object]


@dataclass(frozen=True)
class Fault:
    """One kind of trouble. `strike` returns how to mend it, or None where there was nothing to strike."""

    name: str
    target: str
    seconds: tuple[float, float]
    """how long it lasts, at least and at most"""
    strike: Callable[[Yard], Mend | None]
    weight: int = 1
    """how often it is drawn, against others"""


def faults(yard: Yard) -> list[Fault]:
    """All of them."""
    nodes = [daemon.name for daemon in yard.hadoop.status() if daemon.name.startswith("nodemanager")]
    common = [*_of_workers(), *_of_controllers(), *_of_network(), *_of_yarn(), *_of_store(yard)]
    return common + [fault for node in nodes for fault in _of_node(node)]


def _of_workers() -> Iterator[Fault]:
    def kill(yard: Yard) -> Mend | None:
        entry = _some(yard, yard.people.processes())
        if not entry or not entry.send(signal.SIGKILL):
            return None
        yard.people.count_kill(entry)
        return _nothing

    def freeze(yard: Yard) -> Mend | None:
        entry = _some(yard, yard.people.processes())
        if not entry or not entry.send(signal.SIGSTOP):
            return None
        return lambda: entry.send(signal.SIGCONT)

    yield Fault("worker killed", "worker", (0, 0), kill, weight=6)
    yield Fault("worker frozen", "frozen worker", (1, 5), freeze)


def _of_controllers() -> Iterator[Fault]:
    def kill(yard: Yard) -> Mend | None:
        controller = yard.controller()
        if not controller:
            return None
        controller.end()
        return yard.start_controllers

    def freeze(yard: Yard) -> Mend | None:
        controller = yard.controller()
        process = controller and controller.process
        if not process:
            return None
        process.send_signal(signal.SIGSTOP)
        return lambda: process.poll() is None and process.send_signal(signal.SIGCONT)

    yield Fault("controller killed", "controller", (0, 8), kill, weight=3)
    yield Fault("controller frozen", "frozen controller", (1, 12), freeze, weight=2)


def _of_network() -> Iterator[Fault]:
    def fine(yard: Yard) -> None:
        weather = yard.network.weather
        weather.late, weather.deaf, weather.torn = 0.0, False, 0.0

    def weather(**change: float) -> Callable[[Yard], Mend]:
        def strike(yard: Yard) -> Mend:
            for name, value in change.items():
                setattr(yard.network.weather, name, value)
            return lambda: fine(yard)

        return strike

    def cut(yard: Yard) -> Mend:
        yard.network.hang_up()
        return _nothing

    yield Fault("connections cut", "network", (0, 0), cut)
    yield Fault("connections late", "network", (2, 8), weather(late=0.7))
    yield Fault("connections deaf", "network", (2, 12), weather(deaf=True))
    yield Fault("connections torn", "network", (2, 6), weather(torn=0.1))


def _of_yarn() -> Iterator[Fault]:
    name = "resourcemanager"
    yield Fault("ResourceManager killed", name, (0, 6), _daemon_killed(name), weight=2)
    yield Fault("ResourceManager frozen", name, (1, 8), _daemon_frozen(name))


def _of_node(node: str) -> Iterator[Fault]:
    def lose(yard: Yard) -> Mend | None:
        """The whole machine, with all that runs on it."""
        if not _signal(yard.hadoop, node, signal.SIGKILL):
            return None
        gone = yard.containers(node)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # at one moment: none notes down how another ended
            for process in gone:
                processes.send(process, number)
        return lambda: yard.hadoop.start(node)

    def sicken(yard: Yard) -> Mend:
        file = yard.sick(node)
        file.touch()
        return lambda: file.unlink(missing_ok=True)

    yield Fault(f"{node} killed", node, (0, 2), _daemon_killed(node))
    yield Fault(f"{node} frozen", node, (1, 8), _daemon_frozen(node))
    yield Fault(f"machine of {node} lost", node, (0, 45), lose)
    yield Fault(f"{node} unhealthy", node, (4, 10), sicken)


def _of_store(yard: Yard) -> Iterator[Fault]:
    """Where jobs, journal and lease are."""
    for daemon in yard.store_daemons:
        yield Fault(f"{daemon} killed", daemon, (0, 6), _killed(lambda y: y.store, daemon))


def _daemon_killed(daemon: str) -> Callable[[Yard], Mend | None]:
    return _killed(lambda yard: yard.hadoop, daemon)


def _killed(of: Callable[[Yard], Daemons[Any]], daemon: str) -> Callable[[Yard], Mend | None]:
    def strike(yard: Yard) -> Mend | None:
        daemons = of(yard)
        return (lambda: daemons.start(daemon)) if _signal(daemons, daemon, signal.SIGKILL) else None

    return strike


def _daemon_frozen(daemon: str) -> Callable[[Yard], Mend | None]:
    def strike(yard: Yard) -> Mend | None:
        if not _signal(yard.hadoop, daemon, signal.SIGSTOP):
            return None
        return lambda: _signal(yard.hadoop, daemon, signal.SIGCONT)

    return strike


def _signal(daemons: Daemons[Any], daemon: str, number: int) -> bool:
    try:
        daemons.kill(daemon, number)
    except UnavailableError:
        return False  # it has ended by itself, and is mended with the rest
    return True


def _some(yard: Yard, of: Sequence[T]) -> T | None:
    return yard.chance.choice(of) if of else None


def _nothing() -> None:
    """Nothing is to be mended."""
