"""The real controller as a process of its own, which tests start, kill and ask."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import requests

from real.cluster import until

QUICK = {
    "TRAINMASTER_LOOK_INTERVAL": "0.3",
    "TRAINMASTER_DELETION_GRACE": "1.5",
    "TRAINMASTER_LEASE_DURATION": "4",
    "TRAINMASTER_WEB_PORT": "0",
    "TRAINMASTER_METRICS_PORT": "0",
}
"""settings that let tests wait for seconds where people wait for longer"""


class Controller:
    """`trainmaster controller` with these variables beside our own. Used as a context it surely ends."""

    def __init__(self, log: Path, settings: Mapping[str, str], prefix: Sequence[str] = ()) -> None:
        """`prefix`: a program that starts it."""
        self.log, self._settings, self._prefix = log, settings, prefix
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, kill_at: str = "") -> Controller:
        """Start it; with `kill_at` it ends itself with SIGKILL at that named point (master/points.py)."""
        env = os.environ | QUICK | self._settings
        if kill_at:
            env["TRAINMASTER_KILL_AT"] = kill_at
        command = [*self._prefix, sys.executable, "-m", "trainmaster", "controller"]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env=env, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
        return self

    def end(self, signal_: int = signal.SIGKILL) -> None:
        """End it: as a power cut would, or cleanly with SIGTERM."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal_)
            self.process.wait(30)

    def wait_for_death(self, timeout: float = 180) -> int:
        assert self.process
        return self.process.wait(timeout)

    @property
    def words(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    @property
    def web(self) -> str:
        """Where its pages are, once it says so."""
        return self._told("web")

    @property
    def monitoring(self) -> str:
        """Where /metrics, /healthz and /readyz are, once it says so."""
        return self._told("metrics")

    def _told(self, name: str) -> str:
        found: re.Match[str] = until(lambda: re.search(rf" {name}=(http\S+)", self.words))
        return found[1]

    def metric(self, name: str) -> float:
        """The value of a series without labels."""
        text = requests.get(f"{self.monitoring}/metrics", timeout=10).text
        found = re.search(rf"^{name} (\S+)", text, re.MULTILINE)
        assert found, f"no {name}"
        return float(found[1])

    def __enter__(self) -> Controller:
        return self if self.process else self.start()

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.end()
