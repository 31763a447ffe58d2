"""How a job ended, and what is kept of its earlier runs, as it is remembered.

Never here: the judging (ruling.py, success.py), nor which runs are kept (again.py). Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainmaster.plan.key import Key


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the job ended. Written before anything is told to YARN."""

    succeeded: bool
    reason: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class KeptLog:
    """The last container of one replica of a run that is over."""

    key: Key
    container: str
    http: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that ended before the job was run again: what people are still shown of it."""

    number: int
    verdict: Verdict
    applications: tuple[str, ...] = ()
    started_at: float = 0.0
    charged: int = 0
    logs: tuple[KeptLog, ...] = ()
