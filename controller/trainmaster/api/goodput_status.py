"""The part of a TrainingJob's status that tells what became of its time. Never here: the adding up (plan/time_ledger.py)."""

from __future__ import annotations

from pydantic import Field

from trainmaster.api.base import Model, Time

CLASSES, NAMED = 16, 8
"""classes, and causes or nodes that are shown"""


class GoodputStatus(Model):
    """What the job made of its time, in seconds of its replicas: two that train for a minute are 120."""

    ratio: float | None = None
    """What part of what it held was training, 0 to 1: of its GPUs' time where it has any, else of its containers'. Left out while
    it held nothing."""
    seconds: dict[str, int] = Field(default_factory=dict, json_schema_extra={"maxProperties": CLASSES})
    """By class: Queued, Gathering, Starting, Training, Idle, Replaying, Stalled, Recovering, Stopping."""
    lost_by_cause: dict[str, int] = Field(default_factory=dict, json_schema_extra={"maxProperties": NAMED})
    """Those of them that failures cost (Replaying, Stalled, Recovering), by cause; the largest."""
    lost_by_node: dict[str, int] = Field(default_factory=dict, json_schema_extra={"maxProperties": NAMED})
    """The same by the node that failed."""
    time: Time
    """Until when it was added up; once a minute at most while nothing happens. RFC 3339 in UTC."""
