"""The place of one replica in its job: a value, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One replica's place in its job; it outlives the containers that fill it."""

    role: str
    index: int

    def __str__(self) -> str:
        return f"{self.role}-{self.index}"
