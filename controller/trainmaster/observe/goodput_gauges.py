"""Gauges of what live jobs make of their time, added up to the moment of the scrape. They go with the job; what runs came to that
are over is in the history.

Never here: the telling apart (plan/time_ledger.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from trainmaster.master.picture import FleetPicture
from trainmaster.observe.job_gauges import JOB_LABELS, is_live
from trainmaster.plan.spent import ratio


def goodput_gauges(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """`now` is seconds since the epoch, on the clock of the jobs' memories."""
    spent = GaugeMetricFamily(
        "trainmaster_job_spent_seconds",
        "Seconds of the replicas of a live job by what they did: Queued, Gathering, Starting, Training, Idle, Replaying, "
        "Stalled, Recovering, Stopping.",
        labels=(*JOB_LABELS, "class"),
    )
    part = GaugeMetricFamily(
        "trainmaster_job_goodput_ratio",
        "Part of what a live job held in which it trained: of its GPUs where it has any, else of its containers.",
        labels=JOB_LABELS,
    )
    for picture in fleet.jobs.values():
        if picture.memory is None or not is_live(picture):
            continue
        labels = picture.declared.namespace, picture.declared.name
        parts = picture.memory.ledger.until(now)
        for name, each in sorted(parts.items()):
            spent.add_metric((*labels, str(name)), each[0] + each[1])
        if (number := ratio(parts)) is not None:
            part.add_metric(labels, number)
    yield from (spent, part)
