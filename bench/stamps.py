"""What task.sh notes: which process of a job started when, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_CONTAINER = re.compile(r"container_(?:e\d+_)?(\d+)_(\d+)_")


@dataclass(frozen=True, slots=True)
class Stamp:
    """One start of one process."""

    when: float
    """seconds since the epoch"""
    pid: int
    role: str
    container: str

    @property
    def application(self) -> str:
        """The YARN application of the container, by its id (org.apache.hadoop.yarn.api.records.ContainerId)."""
        match = _CONTAINER.match(self.container)
        if match is None:
            raise ValueError(f"{self.container!r} is no container id")
        return f"application_{match[1]}_{match[2]}"


def parse(text: str) -> list[Stamp]:
    """The stamps of one file, earliest first. A line without its end is still being written."""
    whole = text[: text.rfind("\n") + 1]
    return sorted(map(_stamp, whole.splitlines()), key=lambda stamp: stamp.when)


def _stamp(line: str) -> Stamp:
    when, pid, role, container = line.split()
    return Stamp(float(when), int(pid), role, container)


def read(path: Path) -> list[Stamp]:
    """None yet while there is no file."""
    try:
        return parse(path.read_text())
    except FileNotFoundError:
        return []
