"""What runs come to, summed up by user, queue, namespace or framework, and priced. Pure: records in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainmaster.api.history import EndedRun
from trainmaster.errors import InvalidError

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class QueuePrices(BaseModel):
    """Of one queue; what is left out costs as elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gpu_hour: Price | None = None
    memory_gib_hour: Price | None = None
    vcore_hour: Price | None = None


class Prices(BaseModel):
    """What an hour costs of what is held, in use or not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(default="", max_length=20)
    gpu_hour: Price = 0.0
    memory_gib_hour: Price = 0.0
    vcore_hour: Price = 0.0
    queues: Mapping[str, QueuePrices] = {}

    def of(self, run: EndedRun) -> float:
        """Of one run, by the prices of its queue."""
        if run.held is None:
            return 0.0
        queue = self.queues.get(run.queue, QueuePrices())
        amounts = (
            ("gpu_hour", run.held.gpu_seconds),
            ("memory_gib_hour", run.held.memory_mib_seconds / 1024),
            ("vcore_hour", run.held.vcore_seconds),
        )
        return sum(_either(getattr(queue, name), getattr(self, name)) * s / 3600 for name, s in amounts)


@dataclass
class Row:
    """The runs of one user, queue and so on. All amounts are hours."""

    key: str
    runs: int = 0
    gpu_hours_asked: float = 0.0
    gpu_hours_held: float = 0.0
    gpu_hours_used: float = 0.0
    gpu_hours_idle: float = 0.0
    gpu_hours_unmeasured: float = 0.0
    """part of the held ones in which nobody told how busy the GPU was"""
    vcore_hours: float = 0.0
    memory_gib_hours: float = 0.0
    cost: float = 0.0
    unaccounted: int = 0
    """runs of which it isn't known what they held"""

    def add(self, run: EndedRun, prices: Prices) -> None:
        self.runs += 1
        held = run.held
        if held is None:
            self.unaccounted += 1
            return
        self.gpu_hours_asked += held.gpu_asked_seconds / 3600
        self.gpu_hours_held += held.gpu_seconds / 3600
        self.gpu_hours_used += held.gpu_used_seconds / 3600
        self.gpu_hours_idle += held.gpu_idle_seconds / 3600
        self.gpu_hours_unmeasured += max(0.0, held.gpu_seconds - held.gpu_measured_seconds) / 3600
        self.vcore_hours += held.vcore_seconds / 3600
        self.memory_gib_hours += held.memory_mib_seconds / 1024 / 3600
        self.cost += prices.of(run)

    def rounded(self) -> dict[str, Any]:
        """By name; hours and money with four digits behind the point."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()
        }


def summed(runs: Iterable[EndedRun], by: str, prices: Prices) -> tuple[list[Row], Row]:
    """A row for each user, queue, namespace, framework or job, as `by` says, and one of all together.

    Those that held most GPU time come first. Nothing of a run is kept.
    """
    rows: dict[str, Row] = {}
    total = Row("total")
    for run in runs:
        key = key_of(run, by)
        rows.setdefault(key, Row(key)).add(run, prices)
        total.add(run, prices)
    return sorted(rows.values(), key=lambda row: (-row.gpu_hours_held, -row.vcore_hours, row.key)), total


def key_of(run: EndedRun, by: str) -> str:
    return f"{run.namespace}/{run.name}" if by == "job" else str(getattr(run, by))


def read_prices(document: object) -> Prices:
    """Raises InvalidError naming the field."""
    try:
        return Prices.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidError(f"prices: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _either(special: float | None, usual: float) -> float:
    return usual if special is None else special
