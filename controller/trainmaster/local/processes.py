"""Processes of this machine by identity: a process is its number *and* its time of birth, so that a reused
number is never mistaken.

Linux only (/proc, pidfd). Never here: which programs are run.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
# What Python changes for itself, and a terminal might: daemons and the containers below them start with the
# defaults.
_DEFAULTED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@dataclass(frozen=True)
class Process:
    pid: int
    born: str
    """boot of the machine and clock ticks since then, as /proc tells it"""


def spawn(command: Sequence[str], environ: Mapping[str, str], output: Path) -> Process:
    """Start a program in a session of its own, its words appended to `output`; it outlives us."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        list(command),
        environ,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULTED,
    )
    stat = _stat(pid)
    return Process(pid, _born(stat) if stat else "gone already")


def birth(pid: int) -> str | None:
    """When a living process began; None if there is none, or only its remains (a zombie).

    A killed process with many threads is a zombie at once, and holds its ports until the last thread has ended.
    """
    stat = _stat(pid)
    return None if stat is None or (stat[0] == "Z" and int(stat[17]) <= 1) else _born(stat)


def alive(process: Process) -> bool:
    if birth(process.pid) == process.born:
        return True
    _bury(process)
    return False


def send(process: Process, number: int) -> bool:
    """Signal that very process; False if it is gone. The handle makes check and signal one step."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if birth(process.pid) != process.born:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_gone(processes: Iterable[Process], timeout: float) -> list[Process]:
    """Wait for processes to end; those that still live after `timeout` seconds."""
    left, deadline = list(processes), time.monotonic() + timeout
    while (left := [process for process in left if alive(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def end(processes: Sequence[Process], grace: float) -> list[Process]:
    """Ask processes to end, make those that don't within `grace` seconds; those that no signal could end."""
    for process in processes:
        send(process, signal.SIGTERM)
    stubborn = wait_gone(processes, grace)
    for process in stubborn:
        send(process, signal.SIGKILL)
    return wait_gone(stubborn, 10)


def with_environment(*markers: bytes) -> list[Process]:
    """Processes of ours that have one of these entries in their environment, and all others of their
    sessions.

    A marker is the beginning of an entry, such as `NAME=/folder/`, or with a NUL at its end a whole one.
    """
    sessions = {_session(pid) for pid in _pids() if _has(pid, markers)} - {None, _session(os.getpid())}
    found = ((pid, birth(pid)) for pid in _pids() if _session(pid) in sessions)
    return [Process(pid, born) for pid, born in found if born]


def _has(pid: int, markers: tuple[bytes, ...]) -> bool:
    try:
        entries = b"\0" + (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # gone, or another user's and so not ours
    return any(b"\0" + marker in entries for marker in markers)


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _session(pid: int) -> str | None:
    stat = _stat(pid)
    return stat[3] if stat else None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (proc(5)).

    The name before it may hold spaces and brackets.
    """
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _born(stat: list[str]) -> str:
    """When a process began, be it alive or not; /proc keeps a child that ended until its parent takes note of it."""
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{stat[19]}"


def _bury(process: Process) -> None:
    """Take note of the end of a child of ours.

    Only of that very child: others are their starters' to wait for.
    """
    stat = _stat(process.pid)
    if stat is None or _born(stat) != process.born:
        return
    try:
        os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return  # an earlier run of the program started it
