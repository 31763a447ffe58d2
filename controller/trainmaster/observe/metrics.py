"""The gauges: read off the fleet's kept pictures at the moment of a scrape, so they can't drift.

Counters and histograms, which only the shell can count, are in master/measures.py. Never here: counting, IO, a
decision. Every metric is listed in docs/metrics.md; a test compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trainmaster.api.status import ConditionType
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture, Picture

JOB_LABELS = ("job_namespace", "job_name")
"""not `namespace` and `job`, which Prometheus itself gives to what it scrapes"""
ROLE_LABELS = (*JOB_LABELS, "role")


def make_registry(
    picture: Callable[[], FleetPicture], now: Callable[[], float] = clock.now
) -> CollectorRegistry:
    """A registry with the fleet's gauges and those of this process; the caller adds Measures.

    `now` tells seconds since the epoch, on the clock that stamps `Picture.last_beat`.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types; a second series per counter
    registry = CollectorRegistry()
    registry.register(FleetCollector(picture, now))
    ProcessCollector(registry=registry)
    return registry


class FleetCollector(Collector):
    """Makes every gauge anew from one picture per scrape: what ended is simply not in it any more."""

    def __init__(self, picture: Callable[[], FleetPicture], now: Callable[[], float]) -> None:
        self._picture = picture
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would take a picture at start-up, before there is a fleet

    def collect(self) -> Iterator[Metric]:
        fleet = self._picture()
        live = [p for p in fleet.jobs.values() if is_live(p)]
        yield from _controller(fleet)
        yield _jobs(fleet)
        yield from _replicas(live)
        yield _restarts(live)
        yield from _expiry(live, fleet, self._now())


def is_live(picture: Picture) -> bool:
    """Has an application in YARN and no end yet: what per-job series are bounded by."""
    open_ = picture.memory is not None and picture.memory.application is not None
    return open_ and not picture.status.is_true(ConditionType.FINISHED)


def package_version() -> str:
    """The installed version, or `unknown` when run from a bare source tree."""
    try:
        return version("trainmaster")
    except PackageNotFoundError:
        return "unknown"


def _controller(fleet: FleetPicture) -> Iterator[Metric]:
    yarn = GaugeMetricFamily(
        "trainmaster_yarn_up", "1 if the ResourceManager answers the leader; absent on standby."
    )
    if fleet.leading:  # a standby doesn't ask
        yarn.add_metric([], fleet.yarn_up)
    yield yarn
    yield GaugeMetricFamily(
        "trainmaster_store_up", "1 if the store of jobs and journal answers.", value=fleet.store_up
    )
    yield GaugeMetricFamily(
        "trainmaster_trouble",
        "1 if something keeps the controller from a part of its work; /readyz names it.",
        value=bool(fleet.trouble or fleet.unable or fleet.unforeseen),
    )
    yield GaugeMetricFamily(
        "trainmaster_foreign_jobs",
        "Jobs seen that are left alone, since another installation drives them.",
        value=len(fleet.foreign),
    )
    yield GaugeMetricFamily(
        "trainmaster_unended_applications",
        "Applications that are to go, and can't be ended; /readyz names them.",
        value=len(fleet.unended),
    )
    yield GaugeMetricFamily(
        "trainmaster_unshown_statuses",
        "Jobs whose newest status can't be shown; /readyz says why.",
        value=len(fleet.unshown),
    )
    yield GaugeMetricFamily(
        "trainmaster_leader", "1 if this controller leads, 0 on standby.", value=fleet.leading
    )
    yield GaugeMetricFamily(
        "trainmaster_store_listing_timestamp_seconds",
        "Time of the last complete listing of the store, since the epoch; 0 before the first.",
        value=fleet.looked_at,
    )
    build = GaugeMetricFamily(
        "trainmaster_build_info", "Always 1; the label tells the version.", labels=["version"]
    )
    build.add_metric([package_version()], 1)
    yield build


def _jobs(fleet: FleetPicture) -> Metric:
    jobs = GaugeMetricFamily("trainmaster_jobs", "Declared jobs.", labels=["state", "queue", "framework"])
    for labels, number in sorted(Counter(map(_job_labels, fleet.jobs.values())).items()):
        jobs.add_metric(labels, number)
    return jobs


def _job_labels(picture: Picture) -> tuple[str, str, str]:
    job = picture.declared.job
    state = picture.status.state or "Unknown"
    return (state, job.spec.queue, str(job.spec.framework)) if job else (state, "", "")


def _replicas(live: list[Picture]) -> Iterator[Metric]:
    # two metrics, not one with a label: wanted and running must never be added up
    wanted = GaugeMetricFamily(
        "trainmaster_replicas_wanted", "Replicas that a live job declares.", labels=ROLE_LABELS
    )
    running = GaugeMetricFamily(
        "trainmaster_replicas_running", "Replicas of a live job that run.", labels=ROLE_LABELS
    )
    for picture in live:
        for role, status in picture.status.roles.items():
            labels = (picture.declared.namespace, picture.declared.name, role)
            wanted.add_metric(labels, status.wanted)
            running.add_metric(labels, status.running)
    yield wanted
    yield running


def _restarts(live: list[Picture]) -> Metric:
    restarts = CounterMetricFamily(
        "trainmaster_job_restarts",
        "Restarts of a live job, charged or not.",
        labels=JOB_LABELS,
    )
    for picture in live:
        restarts.add_metric((picture.declared.namespace, picture.declared.name), picture.status.restarts)
    return restarts


def _expiry(live: list[Picture], fleet: FleetPicture, now: float) -> Iterator[Metric]:
    left = [picture.last_beat + fleet.expiry - now for picture in live if picture.last_beat]
    gauge = GaugeMetricFamily(
        "trainmaster_application_expiry_seconds",
        "Time left until the ResourceManager ends the longest silent application; absent when none runs.",
    )
    if left:
        gauge.add_metric([], min(left))
    yield gauge
    limit = GaugeMetricFamily(
        "trainmaster_application_expiry_limit_seconds",
        "Silence after which the ResourceManager ends an application; absent on standby.",
    )
    if fleet.leading:  # a standby doesn't ask
        limit.add_metric([], fleet.expiry)
    yield limit
