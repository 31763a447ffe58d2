"""Which process is which daemon.

One small file each below `run/` of the cluster's folder. Never here: how daemons are started.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trainmaster.local import processes
from trainmaster.local.files import write
from trainmaster.local.processes import Process


class Registry:
    """The processes of one cluster's daemons, as written down when they were started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, daemon: str, process: Process) -> None:
        write(self._folder / daemon, f"{process.pid} {process.born}\n")

    def process(self, daemon: str) -> Process | None:
        """The daemon's process, None if it doesn't run."""
        try:
            pid, born = (self._folder / daemon).read_text().split()
        except FileNotFoundError:
            return None
        process = Process(int(pid), born)
        return process if processes.alive(process) else None

    def since(self, daemon: str) -> float:
        """When the daemon was last started, in seconds since the epoch."""
        return (self._folder / daemon).stat().st_mtime

    def running(self, daemons: Iterable[str]) -> list[Process]:
        return [process for daemon in daemons if (process := self.process(daemon))]

    def missing(self, daemons: Iterable[str]) -> list[str]:
        return [daemon for daemon in daemons if self.process(daemon) is None]
