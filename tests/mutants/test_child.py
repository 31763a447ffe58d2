"""A process that runs tests on a mutant: how it ended is told, whatever the mutant did to it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mutants.child import CPU_SPENT, NEVER_ENDED, _forked, _waited

LONG = 600.0


def spins() -> int:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
    while True:
        pass


def raises() -> int:
    raise RuntimeError("no tests at all")


def is_killed() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize(
    ("work", "code"),
    [(lambda: 0, 0), (lambda: 1, 1), (raises, 70), (spins, CPU_SPENT), (is_killed, CPU_SPENT)],
)
def test_its_end_is_told(tmp_path: Path, work: object, code: int) -> None:
    assert _waited(_forked(work, tmp_path / "out"), LONG) == code  # type: ignore[arg-type]


def test_what_waits_for_ever_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"

    def waits() -> int:
        os.setsid()
        child = subprocess.Popen(["sleep", "1000"])
        started.write_text(str(child.pid))
        return child.wait()

    child = _forked(waits, tmp_path / "out")
    while not started.exists() or not started.read_text():
        time.sleep(0.01)
    assert _waited(child, 0.0) == NEVER_ENDED
    grandchild = Path(f"/proc/{started.read_text()}/stat")
    while grandchild.exists() and grandchild.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)  # gone, or only waiting for somebody to hear of it


def test_what_it_says_is_kept(tmp_path: Path) -> None:
    def speaks() -> int:
        os.write(1, b"a failure\n")
        return 1

    _waited(_forked(speaks, tmp_path / "out"), LONG)
    assert (tmp_path / "out").read_text() == "a failure\n"
