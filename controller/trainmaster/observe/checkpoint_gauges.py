"""How old the newest checkpoints of running jobs are. Never here: looking for them (master/checkpoints.py)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from trainmaster.api.status import ConditionType
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.job_gauges import JOB_LABELS, is_live


def checkpoint_gauges(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """`now` is seconds since the epoch. Only of jobs that run: those of others aren't expected to be renewed."""
    ages = GaugeMetricFamily(
        "trainmaster_job_checkpoint_age_seconds",
        "Time since the newest checkpoint of a running job was written, by the clock of its store.",
        labels=JOB_LABELS,
    )
    for picture in fleet.jobs.values():
        newest = picture.status.checkpoint
        if newest and is_live(picture) and picture.status.is_true(ConditionType.RUNNING):
            written = datetime.fromisoformat(newest.time).timestamp()
            ages.add_metric((picture.declared.namespace, picture.declared.name), max(0.0, now - written))
    yield ages
