"""What a run holds, as it is remembered: resources times seconds so far, and what it holds now. Never here: the adding up
(account.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Use:
    """At one moment: MiB, virtual cores and GPUs. Over a time: each of them times seconds."""

    memory: float = 0.0
    vcores: float = 0.0
    gpus: float = 0.0
    asked: float = 0.0
    """GPUs that are wanted, granted or not"""
    measured: float = 0.0
    """GPUs of which it is known how busy they are"""
    used: float = 0.0
    """the same, times how busy they are"""
    idle: float = 0.0
    """those of them that aren't busy"""

    def after(self, now: Use, seconds: float) -> Use:
        """This sum, with so many seconds more of what is held now."""
        return Use(
            self.memory + now.memory * seconds,
            self.vcores + now.vcores * seconds,
            self.gpus + now.gpus * seconds,
            self.asked + now.asked * seconds,
            self.measured + now.measured * seconds,
            self.used + now.used * seconds,
            self.idle + now.idle * seconds,
        )

    @property
    def unmeasured(self) -> Use:
        """The same, where nobody tells how busy the GPUs are."""
        return replace(self, measured=0.0, used=0.0, idle=0.0)


@dataclass(frozen=True, slots=True)
class Account:
    """Of one run of a job."""

    total: Use = field(default_factory=Use)
    """until `at`"""
    now: Use = field(default_factory=Use)
    """since then"""
    at: float = 0.0
    """0 in the memory of a run that an older controller began: then nothing is known of it"""
    sizes: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """by role: MiB, cores and GPUs of a container as YARN granted it last, which may be more than was asked for"""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """by cause"""

    def until(self, now: float) -> Account:
        """The same account, added up until then."""
        if not self.at or now <= self.at:
            return self
        return replace(self, total=self.total.after(self.now, now - self.at), at=now)
