"""What a process of this machine has used, by /proc (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU time so far, user and system, of all its threads, in seconds (steps of 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Memory in use now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def load() -> float:
    """Runnable processes of the machine, mean of the last minute."""
    return os.getloadavg()[0]
