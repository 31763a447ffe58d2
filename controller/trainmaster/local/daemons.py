"""Daemons that live in one folder as one thing: up, down, status, and for tests the death and restart of a single one.

Everything about them is in their folder, so that any process may take them over from any other. Never here: which
daemons, and what they need.
"""

from __future__ import annotations

import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import processes
from trainmaster.local.files import locked
from trainmaster.local.processes import Process
from trainmaster.local.registry import Registry
from trainmaster.local.services import choose_ports, daemon_of, free, host

MARKER = "TRAINMASTER_LOCAL"
"""variable by which every daemon is known to belong to a folder, should its record be lost"""
GRACE = 4.0
"""seconds that daemons and containers get to end by themselves.

Most take one. A NodeManager that still has old logs to delete would take ten; its state is on disk at any time.
"""

Place = TypeVar("Place")
"""where all parts are that a start needs"""


@dataclass(frozen=True)
class DaemonStatus:
    name: str
    pid: int | None
    """None when it doesn't run"""
    waiting_for: str | None
    """what it still lacks, for a person; None when it works"""

    @property
    def ready(self) -> bool:
        return self.pid is not None and self.waiting_for is None


def silent(line: str) -> None:
    """Hears nothing of what takes long."""


class Daemons(ABC, Generic[Place]):
    """The daemons of one folder."""

    title: ClassVar[str]
    """what they are together, for a person"""
    words: ClassVar[str]
    """suffix of the file below logs/ that tells why a daemon ended"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._registry = Registry(self.folder / "run")

    def up(self, timeout: float = 180, say: Callable[[str], None] = silent) -> None:
        """Start what doesn't run, and wait until all of it works. `say` hears of what takes long.

        Raises InvalidError when the machine lacks something, the folder holds other files, or the daemons run with
        other options; UnavailableError when a daemon ends or isn't ready in time (seconds).
        """
        self._refuse_foreign_folder()
        with self._locked():
            missing = self._registry.missing(self._wanted())
            place = self._place(len(missing), say)
            self._prepare(place, missing)
            say(f"starting {', '.join(missing)}" if missing else "all daemons run already")
            for daemon in missing:
                self._spawn(place, daemon)
        self.wait_ready(timeout)

    def down(self, purge: bool = False) -> None:
        """End every daemon, and all else that they started.

        With `purge` remove their folder with all data.
        """
        if not self.exists:
            return
        with self._locked():
            stubborn = self._end(self._present()) + processes.end(self._strays(), GRACE)
            if stubborn:
                pids = ", ".join(str(process.pid) for process in stubborn)
                raise UnavailableError(f"these processes could not be ended: {pids}")
            if purge:
                shutil.rmtree(self.folder)

    def status(self) -> list[DaemonStatus]:
        """Every daemon, asked now; UnavailableError before the first `up`."""
        present = self._present()
        with self._asking() as ask:
            return [self._status(ask, daemon) for daemon in present]

    def kill(self, daemon: str, number: int = signal.SIGKILL) -> None:
        """Signal one daemon by its name in `status`; after SIGKILL it is gone when this returns."""
        process = self._registry.process(daemon)
        if process is None or not processes.send(process, number):
            raise UnavailableError(f"{daemon} does not run")
        if number == signal.SIGKILL and processes.wait_gone([process], 10):
            raise UnavailableError(f"{daemon} (process {process.pid}) does not die")

    def start(self, daemon: str) -> None:
        """Start one daemon on its old ports with its old state, unless it runs.

        Doesn't wait until it works.
        """
        with self._locked():
            if self._registry.process(daemon) is None:
                self._spawn(self._place(1, silent), daemon)

    def wait_ready(self, timeout: float = 180) -> None:
        """Wait until all daemons work; UnavailableError once one has ended, or after `timeout` seconds."""
        self._wait_ready(self._present(), timeout)

    def _wait_ready(self, names: Sequence[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while unready := [daemon for daemon in self.status() if daemon.name in names and not daemon.ready]:
            self._refuse_ended(unready)
            if time.monotonic() > deadline:
                late = unready[0]
                log = self.folder / "logs" / f"{late.name}.log"
                raise UnavailableError(f"waited {timeout:g} s for {late.waiting_for}; see {log}")
            time.sleep(0.1)

    @property
    def exists(self) -> bool:
        """Whether there was a first `up` in the folder."""
        return self._memory.exists()

    @property
    def _memory(self) -> Path:
        """What a stopped cluster keeps for its next start."""
        return self.folder / "cluster.json"

    @abstractmethod
    def _wanted(self) -> Sequence[str]:
        """The daemons that `up` starts, in that order."""

    @abstractmethod
    def _present(self) -> Sequence[str]:
        """The daemons since the last `up`; UnavailableError before the first."""

    @abstractmethod
    def _place(self, starting: int, say: Callable[[str], None]) -> Place:
        """Where all parts are, for a start of so many daemons; fetches what isn't there."""

    @abstractmethod
    def _prepare(self, place: Place, missing: Sequence[str]) -> None:
        """Choose ports and write the files, before anything starts."""

    @abstractmethod
    def _spawn(self, place: Place, daemon: str) -> None:
        """Start one daemon, and note it in the registry."""

    @abstractmethod
    def _asking(self) -> AbstractContextManager[Callable[[str], str | None]]:
        """A question to daemons: what is the one of that name still waiting for?"""

    def _end(self, daemons: Sequence[str]) -> list[Process]:
        """End these daemons; the processes that can't be ended."""
        return processes.end(self._registry.running(daemons), GRACE)

    def _strays(self) -> list[Process]:
        """Daemons whose record was lost."""
        return processes.with_environment(f"{MARKER}={self.folder}\0".encode())

    def _refuse_foreign_folder(self) -> None:
        """What isn't ours must not come near a `down --purge`, which removes the whole folder."""
        found = {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()
        if found - {"lock"} and not self.exists:
            raise InvalidError(
                f"{self.folder} holds other files: choose a folder of its own for {self.title}"
            )

    def _ports(
        self, services: Sequence[str], kept: Mapping[str, int], missing: Sequence[str], idle: bool
    ) -> dict[str, int]:
        """The remembered ports, and free ones for what is new.

        All anew if one was taken while nothing ran.
        """
        taken = [name for name in kept if daemon_of(name) in missing and not free(host(name), kept[name])]
        if taken and not idle:
            where = f"{host(taken[0])}:{kept[taken[0]]}"
            raise UnavailableError(
                f"another program has taken {where}, the port of {taken[0]}: local down, then up"
            )
        return choose_ports(self.folder, services, {} if taken else kept)

    def _refuse_ended(self, unready: Iterable[DaemonStatus]) -> None:
        for daemon in unready:
            if daemon.pid is None:
                logs = self.folder / "logs"
                output = logs / f"{daemon.name}{self.words}"
                words = output.read_text(errors="replace").splitlines()[-3:] if output.exists() else []
                raise UnavailableError(
                    " ".join((f"{daemon.name} has ended; see {logs / daemon.name}.log", *words))
                )

    def _status(self, ask: Callable[[str], str | None], daemon: str) -> DaemonStatus:
        process = self._registry.process(daemon)
        if process is None:
            return DaemonStatus(daemon, None, f"{daemon} to be started")
        return DaemonStatus(daemon, process.pid, ask(daemon))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One `up` or `down` of a folder at a time."""
        with locked(self.folder / "lock"):
            yield
