"""What a run of a job can be at, as it is remembered. Never here: the telling apart (phases.py)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Exactly one at a time."""

    QUEUED = "Queued"
    """nothing is asked for yet: its application is opened, its quota or its turn is waited for"""
    GATHERING = "GangWait"
    """containers of a gang are asked for, and not all there"""
    LOCALISING = "Localising"
    """nodes bring files and images for processes that were told to start"""
    STARTING = "Starting"
    """what was told to start has begun, and others wait for it, until all have run"""
    RUNNING = "Running"
    RESTARTING = "Restarting"
    """some or all of its processes are replaced"""
    SUSPENDED = "Suspended"
    STOPPING = "Stopping"
    """its end is decided, and what lives is ended"""
    EARLIER = "Earlier"
    """further phases, before those that are kept; or all before a controller took it up that keeps them"""


@dataclass(frozen=True, slots=True)
class Since:
    """A phase that began, and ends where the next one begins."""

    phase: Phase
    at: float
    """seconds since the epoch"""
    why: str = ""
    """what a restart is for"""
