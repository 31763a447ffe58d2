"""The part of a TrainingJob's status that its own processes told: steps, rate, and who is slow.

Never here: what is made of it (plan/progress.py).
"""

from __future__ import annotations

from pydantic import Field

from trainmaster.api.base import Model, Time


class StragglerStatus(Model):
    """A replica whose process is slower than others of its role, or than it was."""

    role: str
    """Its role."""
    index: int
    """Place in the role, from 0."""
    node: str
    """Host that it runs on."""
    steps_per_second: float
    """Its rate over the last half minute."""
    best_steps_per_second: float
    """What it is compared with: the best rate of its role, or its own best where it is alone."""


class ProgressStatus(Model):
    """What the processes told of their steps. Renewed every half minute at most; the metrics tell it of this moment."""

    step: int
    """The furthest step that a replica told."""
    total: int | None = None
    """Steps that there will be; left out where nobody told it."""
    steps_per_second: float | None = None
    """Rate of that replica over the last half minute; left out until it is known."""
    estimated_completion_time: Time | None = None
    """When the last step is taken at this rate; RFC 3339 in UTC."""
    last_report_time: Time
    """When a process was heard last; RFC 3339 in UTC."""
    stragglers: tuple[StragglerStatus, ...] = Field(default=(), json_schema_extra={"maxItems": 32})
    """The slowest replica of each role, where it makes less than three quarters of the best one's steps."""
