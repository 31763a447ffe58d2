"""What each role used in the last hour, minute by minute. Pure. Kept by whoever leads, and by nobody after it."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from math import isnan, nan
from typing import TypeAlias

from trainmaster.observe.use.values import ReplicaUse, SaidBy

KEPT = 60
"""minutes"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One role at one minute; NaN where nobody told."""

    minute: float
    """minutes since the epoch"""
    memory: float = nan
    """mebibytes of a replica, on the average"""
    memory_most: float = nan
    """of the replica that uses most"""
    cores: float = nan
    cores_most: float = nan
    gpu: float = nan
    """how busy its GPUs are on the average, 0 to 1"""

    @property
    def empty(self) -> bool:
        return isnan(self.memory) and isnan(self.cores) and isnan(self.gpu)


_FIELDS = 6
Curve: TypeAlias = "array[float]"
"""samples one behind the other: as values of their own those of thousands of roles would take ten times as much"""
Curves = Mapping[str, Mapping[str, Curve]]
"""by uid and role"""


@dataclass(frozen=True, slots=True)
class UsePicture:
    """All that is known of use at this moment."""

    said: SaidBy = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    asked: bool = True
    """whether nodes are asked at all"""


def samples(uses: Iterable[ReplicaUse], gpus: Mapping[str, float], minute: int) -> dict[str, Sample]:
    """By role; `gpus`: how busy those of a container are."""
    by_role: dict[str, list[ReplicaUse]] = defaultdict(list)
    for each in uses:
        by_role[each.role].append(each)
    found = {role: _sample(several, gpus, minute) for role, several in by_role.items()}
    return {role: sample for role, sample in found.items() if not sample.empty}


def later(curves: Curves, new: Mapping[str, Mapping[str, Sample]], minute: int) -> Curves:
    """The curves with a further minute, by uid and role, and without what is older than an hour."""
    found: dict[str, dict[str, Curve]] = {}
    for uid in curves.keys() | new.keys():
        before, added = curves.get(uid, {}), new.get(uid, {})
        roles = {
            role: _longer(before.get(role), added.get(role), minute) for role in before.keys() | added.keys()
        }
        if kept := {role: curve for role, curve in roles.items() if curve}:
            found[uid] = kept
    return found


def told(curve: Curve) -> Iterator[Sample]:
    """Its samples, the oldest first."""
    for at in range(0, len(curve), _FIELDS):
        yield Sample(*curve[at : at + _FIELDS])


def _longer(curve: Curve | None, sample: Sample | None, minute: int) -> Curve:
    made = curve[:] if curve is not None else array("d")
    if sample:
        made.extend(astuple(sample))
    gone = 0
    while gone < len(made) and made[gone] <= minute - KEPT:
        gone += _FIELDS
    return made[gone:]


def _sample(uses: list[ReplicaUse], gpus: Mapping[str, float], minute: int) -> Sample:
    memory = [u.use.memory / 2**20 for u in uses if u.use and u.use.memory is not None]
    cores = [u.use.cores for u in uses if u.use and u.use.cores is not None]
    busy = [gpus[u.container] for u in uses if u.container in gpus]
    return Sample(
        minute, _mean(memory), max(memory, default=nan), _mean(cores), max(cores, default=nan), _mean(busy)
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else nan
