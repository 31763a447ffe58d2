"""What a run of a job made of its time, as it is remembered: seconds of its replicas by class, and who cost it some. Never here:
the telling apart (time_ledger.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from trainmaster.api.goodput_status import GoodputStatus
from trainmaster.plan.ends import Cause


class Spent(StrEnum):
    """What a replica does at a moment: each is in exactly one of these, as long as it is wanted or holds a container."""

    QUEUED = "Queued"
    """wanted, and holds nothing yet"""
    GATHERING = "Gathering"
    """granted, and waits for the rest of its gang"""
    STARTING = "Starting"
    """its files are brought, it is started, and makes its first step"""
    TRAINING = "Training"
    """it runs; where steps are reported, they are new ones"""
    IDLE = "Idle"
    """it runs, and its GPUs do nothing"""
    REPLAYING = "Replaying"
    """it makes steps that were made before a failure, and lost with it"""
    STALLED = "Stalled"
    """it had made no step for a while when that was noticed: it hung, or had been lost"""
    RECOVERING = "Recovering"
    """after a failure: it is waited for, started anew, or waits for peers that are"""
    STOPPING = "Stopping"
    """it is on its way out, or of no use any more"""


PRODUCTIVE = frozenset({Spent.TRAINING})
LOST = frozenset({Spent.REPLAYING, Spent.STALLED, Spent.RECOVERING})
"""what failures cost"""
RUNS = (Spent.TRAINING, Spent.IDLE, Spent.REPLAYING)

Amounts = tuple[float, float, float]
"""seconds of replicas without a container, of containers, and of the GPUs in these"""
Parts = Mapping[str, Amounts]
"""by class"""
NONE: Amounts = (0.0, 0.0, 0.0)
MOST = 50
"""causes and nodes that are kept by name; further ones are summed up"""
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Of one run of a job."""

    total: Parts = field(default_factory=dict)
    """until `at`"""
    now: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """since then: replicas without a container, containers, and GPUs in each class"""
    at: float = 0.0
    """0 in the memory of a run that an older controller began: then nothing is known of it"""
    epoch: int = 0
    """of the leader that made the last entry"""
    unsure: Parts = field(default_factory=dict)
    """of these times nobody was there to see whether something that was being started ran already"""
    step: int = -1
    """the furthest that the present generation had made by then; -1 where none was told"""
    furthest: int = -1
    """that any had made"""
    moved: int = 0
    """the newest generation that told a step"""
    recovering: bool = False
    """since the last failure not all have run again"""
    cause: str = ""
    """of the last failure"""
    host: str = ""
    """where that was"""
    shown: GoodputStatus | None = None
    """what people are shown of it (goodput.py)"""
    shown_at: float = 0.0
    shown_of: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """`now` as it was then"""
    causes: Mapping[str, float] = field(default_factory=dict)
    """by cause: seconds of replicas that its failures cost so far"""
    hosts: Mapping[str, float] = field(default_factory=dict)
    """the same by node"""

    def until(self, now: float) -> Parts:
        """All of it up to a time at which nothing has changed since."""
        return after(self.total, self.now, max(0.0, now - self.at)) if self.at else {}


def after(total: Parts, now: Mapping[str, tuple[int, int, int]], seconds: float) -> dict[str, Amounts]:
    """The sum with so many seconds more of what is now."""
    return added(total, {name: times(rates, seconds) for name, rates in now.items()})


def added(total: Parts, more: Parts) -> dict[str, Amounts]:
    """Both together."""
    return {
        name: plus(total.get(name, NONE), more.get(name, NONE)) for name in dict.fromkeys((*total, *more))
    }


def moved(total: Parts, part: Amounts, from_: str, to: str) -> dict[str, Amounts]:
    """The same sum, of which this part belongs to another class; no more than there is."""
    part = within(part, total.get(from_, NONE))
    return added(total, {from_: times(part, -1), to: part})


def within(part: Amounts, there: Amounts) -> Amounts:
    """What there is of a part, and of none that is negative."""
    none, containers, gpus = (max(0.0, min(wanted, most)) for wanted, most in zip(part, there, strict=True))
    return none, containers, gpus


def times(amounts: tuple[float, float, float], factor: float) -> Amounts:
    return amounts[0] * factor, amounts[1] * factor, amounts[2] * factor


def plus(one: Amounts, other: Amounts) -> Amounts:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def known_of(known: Mapping[str, float], name: str) -> float:
    """What this name was charged with, or all those together that have no entry of their own."""
    return known.get(_kept(known, name), 0.0)


def charged(known: Mapping[str, float], name: str, seconds: float) -> Mapping[str, float]:
    """With so much more for this name."""
    if not seconds:
        return known
    kept = _kept(known, name)
    return {**known, kept: known.get(kept, 0.0) + seconds}


def _kept(known: Mapping[str, float], name: str) -> str:
    return name if name in known or len(known) < MOST else OTHERS


def with_cost(ledger: Ledger, cost: float) -> Ledger:
    """So many seconds of replicas more that the last failure cost."""
    hosts = charged(ledger.hosts, ledger.host, cost) if ledger.host else ledger.hosts
    return replace(ledger, causes=charged(ledger.causes, ledger.cause or Cause.UNKNOWN, cost), hosts=hosts)


def shifted(ledger: Ledger, wanted: Amounts, from_: str, to: str) -> tuple[Ledger, Amounts]:
    """With what there is of that part in another class, at the cost of the last failure; and how much that is."""
    part = within(wanted, ledger.total.get(from_, NONE))
    sign = (to in LOST) - (from_ in LOST)
    if sign < 0:  # no more than that failure cost: the rest is another one's
        part = times(part, _share_of_last(ledger, part[0] + part[1]))
    told = replace(ledger, total=moved(ledger.total, part, from_, to))
    return with_cost(told, sign * (part[0] + part[1])), part


def _share_of_last(ledger: Ledger, cost: float) -> float:
    """What part of these seconds the last failure was charged with."""
    charges = [known_of(ledger.causes, ledger.cause or Cause.UNKNOWN)]
    charges += [known_of(ledger.hosts, ledger.host)] if ledger.host else []
    return max(0.0, min(1.0, min(charges) / cost)) if cost else 0.0


def replica_seconds(parts: Parts, classes: Iterable[str]) -> float:
    """Of these classes, with a container or without."""
    found = [parts.get(name, NONE) for name in classes]
    return sum(each[0] + each[1] for each in found)


def ratio(parts: Parts) -> float | None:
    """What part of what was held was training: of GPUs where there are any, else of containers. None where nothing was held."""
    place = 2 if any(each[2] for each in parts.values()) else 1
    held = sum(each[place] for each in parts.values())
    return sum(parts.get(name, NONE)[place] for name in PRODUCTIVE) / held if held > 0 else None
