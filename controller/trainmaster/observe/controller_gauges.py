"""Gauges of the controller itself: whether it leads, whom it reaches, what keeps it from its work. Never here: a job's."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import GaugeMetricFamily, Metric

from trainmaster.master.picture import FleetPicture


def controller_gauges(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """`now` is seconds since the epoch."""
    yield from _others(fleet, now)
    yield from _own(fleet)
    yield from _ticket(fleet)
    yield _suspects(fleet)
    yield from _called_bad(fleet)
    yield from _quotas(fleet)


def package_version() -> str:
    """The installed version, or `unknown` when run from a bare source tree."""
    try:
        return version("trainmaster")
    except PackageNotFoundError:
        return "unknown"


def _others(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """The store and YARN, as this controller reaches them."""
    yarn = GaugeMetricFamily(
        "trainmaster_yarn_up", "1 if the ResourceManager answers the leader; absent on standby."
    )
    limit = GaugeMetricFamily(
        "trainmaster_application_expiry_limit_seconds",
        "Silence after which the ResourceManager ends an application; absent on standby.",
    )
    lag = GaugeMetricFamily(
        "trainmaster_source_lag_seconds",
        "Age of the newest whole picture of what is declared; absent on standby, and before the first.",
    )
    if fleet.leading:  # a standby doesn't ask
        yarn.add_metric([], fleet.yarn_up)
        limit.add_metric([], fleet.expiry)
    if fleet.leading and fleet.looked_at:
        lag.add_metric([], max(0.0, now - fleet.looked_at))
    yield from (yarn, limit, lag)
    yield GaugeMetricFamily(
        "trainmaster_store_up", "1 if the store of jobs and journal answers.", value=fleet.store_up
    )
    yield GaugeMetricFamily(
        "trainmaster_store_listing_timestamp_seconds",
        "Time of the last complete listing of the store, since the epoch; 0 before the first.",
        value=fleet.looked_at,
    )


def _ticket(fleet: FleetPicture) -> Iterator[Metric]:
    """Of its keytab or of kinit, whichever it has."""
    left = GaugeMetricFamily(
        "trainmaster_kerberos_ticket_remaining_seconds",
        "How long the controller's own Kerberos ticket is still good for; absent where Hadoop asks for none.",
    )
    if fleet.ticket_left is not None:
        left.add_metric([], fleet.ticket_left)
    yield left


def _suspects(fleet: FleetPicture) -> Metric:
    """The jobs themselves are named in the log: here they'd make a series each."""
    suspects = GaugeMetricFamily(
        "trainmaster_node_suspect",
        "Jobs that failed on a node on which several failed; absent for all others.",
        labels=["node"],
    )
    for each in fleet.suspects:
        suspects.add_metric([each.host], each.jobs)
    return suspects


def _called_bad(fleet: FleetPicture) -> Iterator[Metric]:
    """Why stands on the pages and in the log: reasons would make a series each."""
    bad = GaugeMetricFamily(
        "trainmaster_node_called_bad",
        "1 for a node that a source of nodes.health calls bad and all jobs leave alone, 0 for one that they don't.",
        labels=["node", "source"],
    )
    for each in fleet.called_bad:
        bad.add_metric([each.host, each.source], each.avoided)
    up = GaugeMetricFamily(
        "trainmaster_node_health_up",
        "1 if a source of nodes.health answered, and its answer was understood.",
        labels=["source"],
    )
    for name, told in sorted(fleet.node_sources.items()):
        up.add_metric([name], not told.trouble)
    yield from (bad, up)
    yield GaugeMetricFamily(
        "trainmaster_nodes_held_back",
        "Nodes that all jobs would leave alone, and don't since nodes.exclusions_per_hour is spent.",
        value=fleet.nodes_held_back,
    )


def _quotas(fleet: FleetPicture) -> Iterator[Metric]:
    """Of those alone whom a quota is for, and who declare jobs; where two are, the narrower one."""
    narrow = {(each.share, each.kind): each for each in sorted(fleet.quotas, key=lambda each: -each.allowed)}
    for name, text, of in (
        (
            "allowed",
            "What a quota allows the jobs of its namespace, user or queue together; memory in bytes.",
            "allowed",
        ),
        ("held", "What of it they hold.", "held"),
        ("waiting_jobs", "Jobs that wait, and want some of it.", "waiting"),
    ):
        gauge = GaugeMetricFamily(f"trainmaster_quota_{name}", text, labels=["quota", "kind"])
        for each in narrow.values():
            unit = 2**20 if each.kind == "memory" and of != "waiting" else 1
            gauge.add_metric([each.share, each.kind], getattr(each, of) * unit)
        yield gauge


def _own(fleet: FleetPicture) -> Iterator[Metric]:
    for name, text, value in (
        (
            "trainmaster_trouble",
            "1 if something keeps the controller from a part of its work; /readyz names it.",
            bool(
                fleet.trouble or fleet.unable or fleet.unforeseen or fleet.ticket_trouble or fleet.not_proxy
            ),
        ),
        (
            "trainmaster_foreign_jobs",
            "Jobs seen that are left alone, since another installation drives them.",
            len(fleet.foreign),
        ),
        (
            "trainmaster_unended_applications",
            "Applications that are to go, and can't be ended; /readyz names them.",
            len(fleet.unended),
        ),
        (
            "trainmaster_unshown_statuses",
            "Jobs whose newest status can't be shown; /readyz says why.",
            len(fleet.unshown),
        ),
        ("trainmaster_leader", "1 if this controller leads, 0 on standby.", fleet.leading),
    ):
        yield GaugeMetricFamily(name, text, value=value)
    build = GaugeMetricFamily(
        "trainmaster_build_info", "Always 1; the label tells the version.", labels=["version"]
    )
    build.add_metric([package_version()], 1)
    yield build
