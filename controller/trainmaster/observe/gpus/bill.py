"""GPU time: held, measured, and idle, by whom. Counted from the moment on at which this controller leads.

Held is what YARN granted, whether or not a NodeManager tells of it; so it is what is paid for. Never here: a price.
"""

from __future__ import annotations

from collections.abc import Iterator

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
        for uid, load in _loads(gpus):
            if job := fleet.jobs.get(uid):
                who = _who(job)
                self._measured.labels(*who).inc(seconds)
                self._idle.labels(*who).inc(seconds if load < IDLE_BELOW else 0)


def _loads(gpus: GpuPicture) -> Iterator[tuple[str, float]]:
    for device in gpus.devices():
        if device.holder and device.gpu.utilization is not None:
            yield device.holder.uid, device.gpu.utilization


def _who(picture: Picture) -> tuple[str, str, str]:
    application = picture.memory.application if picture.memory else None
    queue = application.queue if application else ""
    return picture.declared.namespace, picture.status.user, queue
