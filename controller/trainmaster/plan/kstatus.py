"""One condition of a job, and kstatus's three that sum all of them up: Ready, Stalled, Reconciling.

Never here: what the job's own conditions say (conditions.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.plan.admission import Refusal


@dataclass(frozen=True, slots=True)
class Said:
    """One condition before it gets its time."""

    type: C
    true: bool
    reason: str
    message: str


def summary(own: tuple[Said, ...], refused: Refusal | None) -> Iterator[Said]:
    """kstatus's three, so that Argo CD and Flux see health. An edit that only waits for YARN is not a failure."""
    true = {s.type: s for s in own if s.true}
    waits = own[0] if not own[0].true and own[0].reason == reasons.YARN_AWAY else None
    ready = true.get(C.SUCCEEDED) or true.get(C.SUSPENDED) or true.get(C.RUNNING)
    stalled = true.get(C.FAILED) or (own[0] if refused or not (own[0].true or waits) else None)
    ready = None if stalled and C.FAILED in true else ready
    other = next((s for s in own[1:] if s.true), own[0])
    yield Said(C.READY, ready is not None, *_why(ready or other))
    yield Said(C.STALLED, stalled is not None, *_why(stalled or other))
    reconciling = waits is not None or (ready is None and stalled is None)
    yield Said(C.RECONCILING, reconciling, *_why(waits or ready or stalled or other))


def _why(said: Said) -> tuple[str, str]:
    return said.reason, said.message
