"""What the processes of trainer.py left behind, read for tests; and the role that starts them, as a job file has it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TRAINER = Path(__file__).with_name("trainer.py")


def trainer_role(
    folder: Path, replicas: int = 1, acts: list[dict[str, object]] | None = None, **env: object
) -> dict:
    """A role of trainer processes. `env` names TRAINER_ variables by their last part: steps=5, pace=0.01."""
    variables = {"TRAINER_DIR": folder, **{f"TRAINER_{name.upper()}": value for name, value in env.items()}}
    if acts:
        variables["TRAINER_ACTS"] = json.dumps(acts)
    stubborn = {"terminationGracePeriod": "2s"} if env.get("term") == "ignore" else {}
    return {
        **stubborn,
        "replicas": replicas,
        "resources": {"memory": "256Mi"},
        "command": f'exec "{sys.executable}" "{TRAINER}"',
        "env": [{"name": name, "value": str(value)} for name, value in variables.items()],
    }


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger."""

    event: str
    role: str
    index: int
    run: int
    pid: int
    at: float
    port: int = 0
    container: str = ""
    cluster: dict[str, list[str]] = field(default_factory=dict)
    echo: dict[str, str | None] = field(default_factory=dict)
    code: int | None = None

    @property
    def who(self) -> str:
        return f"{self.role}-{self.index}"

    @property
    def alive(self) -> bool:
        """Whether this very process still runs, as /proc has it."""
        try:
            return str(TRAINER).encode() in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    def send(self, number: int) -> bool:
        """Signal it, unless it is gone; whether it was there."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
                return True
        return False


class Ledger:
    """The ledger of one folder, read anew by every call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self, event: str, who: str = "") -> list[Entry]:
        path = self.folder / "ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        entries = [Entry(**json.loads(line)) for line in lines]
        return [e for e in entries if e.event == event and who in ("", e.who)]

    def starts(self, who: str = "") -> list[Entry]:
        """All starts, oldest first."""
        return self.entries("start", who)

    def twice(self) -> list[Entry]:
        """Processes that found another one of their identity alive: must always be empty."""
        return self.entries("twice")

    def running(self, who: str = "") -> list[Entry]:
        """Those that live now."""
        return [e for e in self.starts(who) if e.alive]

    def steps(self, who: str) -> list[tuple[int, int]]:
        """(step, run that took it), in the order taken."""
        path = self.folder / f"{who}.steps"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(step), int(run)) for step, run in map(str.split, lines)]

    def go(self, name: str = "go") -> None:
        """Let those go on that wait for this file."""
        (self.folder / name).touch()

    def until(self, true: Callable[[Ledger], object], seconds: float = 30) -> None:
        """Wait until `true(self)`; AssertionError with the whole ledger if it takes too long."""
        end = time.monotonic() + seconds
        while not true(self):
            assert time.monotonic() < end, f"not within {seconds} s; the ledger has\n{self}"
            time.sleep(0.02)

    def __str__(self) -> str:
        path = self.folder / "ledger"
        return path.read_text() if path.exists() else "(nothing)"
