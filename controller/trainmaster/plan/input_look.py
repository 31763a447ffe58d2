"""What a look for the nodes that hold a job's input came to: a frozen value of a decision. Never here: what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class InputLook:
    """Bytes of the largest files below a job's inputPath, and who holds them."""

    path: str
    """the inputPath that was looked below"""
    size: int = 0
    """bytes, each counted once"""
    hosts: Mapping[str, int] = field(default_factory=dict)
    """by host: how many of them it holds"""
    words: str = ""
    """why nothing is known of them; empty where something is"""

    def share(self, host: str) -> float:
        """The part of the input that is local to this host, from 0 to 1."""
        return min(1.0, self.hosts.get(host, 0) / self.size) if self.size else 0.0
