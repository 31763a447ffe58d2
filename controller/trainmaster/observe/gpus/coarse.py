"""What of GPUs stands in a job's status: each change is a write, so use is told in tens of percent, and seldom. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainmaster.plan.values import HeldGpus

NUMBERS = 10.0
"""seconds at least between two changes of a job's status that bring which GPUs its containers hold: they come one by one"""
USE = 300.0
"""the same for how busy they are"""
STEP = 10


Minors = Mapping[str, tuple[int, ...] | None]
"""by container: the minor numbers of its GPUs; None where its node tells nothing now. What it holds it holds all the same"""


@dataclass
class _Job:
    shown: Mapping[str, HeldGpus] = field(default_factory=dict)
    shown_at: float = -NUMBERS
    used_at: float = -USE
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    """by container: sum and number of ratios since use was shown"""


class Coarse:
    """By job: what of its GPUs is shown. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}

    def keep_only(self, uids: Mapping[str, object]) -> None:
        self._jobs = {uid: job for uid, job in self._jobs.items() if uid in uids}

    def heard(self, uid: str, container: str, ratio: float) -> None:
        """How busy the GPUs of a container were, 0 to 1."""
        sums = self._jobs.setdefault(uid, _Job()).sums
        total, number = sums.get(container, (0.0, 0))
        sums[container] = total + ratio, number + 1

    def news(self, uid: str, minors: Minors, now: float) -> Mapping[str, HeldGpus] | None:
        """What is to be shown from now on, by container; None where that stays as it is."""
        job = self._jobs.setdefault(uid, _Job())
        if now - job.shown_at < NUMBERS:
            return None
        renew = now - job.used_at >= USE
        wanted = {
            each: HeldGpus(known, self._use(job, each, renew))
            for each, of in minors.items()
            if (known := _minors(job, each) if of is None else of)
        }
        if renew:
            job.used_at, job.sums = now, {}
        if wanted == job.shown:
            return None
        job.shown, job.shown_at = wanted, now
        return wanted

    def _use(self, job: _Job, container: str, renew: bool) -> int | None:
        """A container that is new is shown as busy as it is; others once in a while."""
        before = job.shown.get(container)
        total, number = job.sums.get(container, (0.0, 0))
        if before and before.percent is not None and not renew:
            return before.percent
        return round(total / number * 100 / STEP) * STEP if number else None


def _minors(job: _Job, container: str) -> tuple[int, ...]:
    before = job.shown.get(container)
    return before.minors if before else ()
