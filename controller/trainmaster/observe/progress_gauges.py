"""Gauges of what trainings told of themselves: steps, rate, and metrics of their own. They go with the job.

Few for each job, whatever it has of replicas and makes up of names (reports/book.py). Never here: who tells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from trainmaster.master.picture import FleetPicture
from trainmaster.observe.job_gauges import JOB_LABELS, is_live
from trainmaster.plan.progress import Progress, progress_of


def progress_gauges(fleet: FleetPicture) -> Iterator[Metric]:
    """Of the live jobs whose processes report."""
    told = list(_told(fleet))
    for name, text, value in (
        ("step", "Furthest step that a process of a live job reported.", lambda p: p.step),
        ("steps_planned", "Steps that there will be, where processes report that.", lambda p: p.total),
        (
            "steps_per_second",
            "Steps that it takes in a second, over the last half minute.",
            lambda p: p.rate or None,
        ),
        ("report_timestamp_seconds", "Time of the newest report, since the epoch.", lambda p: p.heard_at),
        ("stragglers", "Roles in which a replica is slower than it should be.", lambda p: len(p.stragglers)),
    ):
        gauge = GaugeMetricFamily(f"trainmaster_job_{name}", text, labels=JOB_LABELS)
        for labels, progress in told:
            if (number := value(progress)) is not None:
                gauge.add_metric(labels, number)
        yield gauge
    yield _own(told)


def _told(fleet: FleetPicture) -> Iterator[tuple[tuple[str, str], Progress]]:
    for uid, unread in fleet.reports.items():
        picture = fleet.jobs.get(uid)
        if picture is None or picture.memory is None or not is_live(picture):
            continue
        if progress := progress_of(picture.memory, unread.read()):
            yield (picture.declared.namespace, picture.declared.name), progress


def _own(told: list[tuple[tuple[str, str], Progress]]) -> Metric:
    gauge = GaugeMetricFamily(
        "trainmaster_job_metric",
        "A metric of the training's own, as its furthest process reported it.",
        labels=(*JOB_LABELS, "name"),
    )
    for labels, progress in told:
        for name, value in progress.metrics:
            gauge.add_metric((*labels, name), value)
    return gauge
