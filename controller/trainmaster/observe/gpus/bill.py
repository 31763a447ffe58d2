"""GPU time: held, measured, and idle, by whom. Counted from the moment on at which this controller leads.

Held is what YARN granted, whether or not a NodeManager tells of it; so it is what is paid for. Never here: a price.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.gpus.values import GpuPicture

LABELS = ("job_namespace", "user", "queue")
IDLE_BELOW = 0.05
"""ratio of use below which a GPU counts as idle: what a look at it now and then takes"""


class Bill:
    """Three counters of seconds times GPUs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._held = Counter(
            "trainmaster_gpu_held_seconds", "GPU seconds granted by YARN.", LABELS, registry=registry
        )
        self._measured = Counter(
            "trainmaster_gpu_measured_seconds",
            "Those of them in which the use of the GPU was known.",
            LABELS,
            registry=registry,
        )
        self._idle = Counter(
            "trainmaster_gpu_idle_seconds",
            "Those of the measured ones in which it was idle.",
            LABELS,
            registry=registry,
        )
        self._counted_at: float | None = None

    def count(self, fleet: FleetPicture, gpus: GpuPicture, now: float) -> None:
        """The time since the last call goes to those who hold GPUs now; `now` is monotonic seconds."""
        before, self._counted_at = self._counted_at, now if fleet.leading else None
        if before is None or not fleet.leading:
            return
        seconds = now - before
        for picture in fleet.jobs.values():
            if picture.status.gpus:
                who = _who(picture)
                self._held.labels(*who).inc(seconds * picture.status.gpus)
                self._measured.labels(*who).inc(
                    0
                )  # present with the first held one, so that they can be divided
                self._idle.labels(*who).inc(0)
        for uid, (measured, idle) in _measured(gpus).items():
            if job := fleet.jobs.get(uid):
                self._measured.labels(*_who(job)).inc(seconds * measured)
                self._idle.labels(*_who(job)).inc(seconds * idle)


def _measured(gpus: GpuPicture) -> dict[str, tuple[int, int]]:
    """By job: GPUs whose use is known, and how many of them are idle."""
    found: dict[str, tuple[int, int]] = {}
    for container, holder in gpus.holders.items():
        for gpu in gpus.of_container(container):
            if gpu.utilization is not None:
                measured, idle = found.get(holder.uid, (0, 0))
                found[holder.uid] = measured + 1, idle + (gpu.utilization < IDLE_BELOW)
    return found


def _who(picture: Picture) -> tuple[str, str, str]:
    application = picture.memory.application if picture.memory else None
    queue = application.queue if application else ""
    return picture.declared.namespace, picture.status.user, queue
