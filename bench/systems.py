"""What a system under test must do, and the job that all of them are given. Values and a protocol only."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TASK = Path(__file__).with_name("task.sh")
ROLES = ("ps", "worker")
REPLICAS = 2
"""of each role"""
PROCESSES = len(ROLES) * REPLICAS
MEMORY = 128
"""MiB of each container"""
JOB_MEMORY = PROCESSES * MEMORY


@dataclass(frozen=True, slots=True)
class Job:
    """2 parameter servers and 2 workers that note their start in `stamps` and then become `command`."""

    name: str
    command: str
    healed: bool
    """whether a process that ends is replaced at once, without backoff"""
    stamps: Path

    def line(self, role: str) -> str:
        """The command line of one role's processes."""
        return f"{shlex.join((str(TASK), role, str(self.stamps)))} {self.command}"


class System(Protocol):
    """One system that runs jobs on YARN, up and ready."""

    name: str

    def declare(self, job: Job) -> None:
        """Do what a person does to have the job run; returns when the system has taken it."""

    def seen(self, job: Job) -> float | None:
        """When the system first noticed the job, in seconds since the epoch; None where it doesn't say."""

    def remove(self, job: Job) -> None:
        """Have the job ended and forgotten; returns at once."""
