"""What only the shell can count, because no kept picture shows it afterwards: counters and histograms of its own work.

Those of jobs' lives are in lives.py; gauges are read off the pictures in observe/. Never here: a decision, or a number that
decisions read. Every metric is listed in docs/metrics.md; a test compares.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from trainmaster.hadoop.calls import Outcome, Told, Wire
from trainmaster.master.kubeflow import Kubeflow
from trainmaster.master.life import Ended, Life
from trainmaster.master.lives import Lives
from trainmaster.plan.memory import Memory

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""seconds; a calm heartbeat takes about 2 ms, one that meets a busy ResourceManager a second"""
WORKS = (
    "affair",
    "cluster",
    "events",
    "fleet",
    "gpus",
    "history",
    "jobs",
    "leaders",
    "lease",
    "listing",
    "repairs",
    "reports",
    "rights",
    "source",
    "status",
    "statuses",
    "traces",
    "use",
    "watch",
    "webhooks",
)
"""what may meet an error that nobody foresaw: present from the start, so that the first one is an increase"""


class Measures:
    """The counters of one controller. All times are seconds."""

    def __init__(self, registry: CollectorRegistry, kubeflow: bool = False) -> None:
        """`kubeflow`: whether jobs are also counted under the names of Kubeflow's training-operator."""
        self._lives, self._kubeflow = Lives(registry), Kubeflow(registry, kubeflow)
        self.ended: Ended = lambda _memory, _verdict: None
        """whom to tell as well of each run that is over"""
        self._calls = Counter(
            "trainmaster_hadoop_calls",
            "Calls of Hadoop's daemons, by protocol, daemon, and what came of them.",
            ["protocol", "target", "result"],
            registry=registry,
        )
        for wire in Wire:
            self.calls(wire)
        self._take_ups = Counter(
            "trainmaster_take_ups",
            "Jobs that this controller took up from the journal when it began to lead.",
            registry=registry,
        )
        self._heartbeats = _histogram(
            registry, "trainmaster_heartbeat_seconds", "Duration of one answered allocate.", FAST
        )
        self._passes = _histogram(
            registry, "trainmaster_pass_seconds", "Duration of one pass over one job.", FAST
        )
        self._failed = Counter(
            "trainmaster_pass_failures",
            "Passes that ended with an error and will be made again.",
            registry=registry,
        )
        self._end_failures = Counter(
            "trainmaster_end_failures",
            "Tries to end an application that nobody can speak for, which failed and will be made again.",
            registry=registry,
        )
        self._writes = _histogram(
            registry,
            "trainmaster_journal_write_seconds",
            "Duration of one durable write of a journal record.",
            FAST,
        )
        self._unforeseen = Counter(
            "trainmaster_unforeseen_errors",
            "Errors that nobody foresaw, by the work of the controller that met them and is begun anew.",
            ["work"],
            registry=registry,
        )
        for work in WORKS:
            self._unforeseen.labels(work)
        self._events = Counter("trainmaster_events", "Events emitted.", ["type", "reason"], registry=registry)

    def heartbeat(self, seconds: float) -> None:
        """One `allocate` was answered."""
        self._heartbeats.observe(seconds)

    def life(self, memory: Memory) -> Life:
        """Of one job, as it is remembered now."""
        return Life(self._lives, self._kubeflow, memory, self.ended)

    def created(self, namespace: str, framework: str) -> None:
        """A job is declared that no controller knew of."""
        self._kubeflow.count("created", namespace, framework)

    def taken_up(self) -> None:
        """A job of the journal is driven from now on."""
        self._take_ups.inc()

    def calls(self, wire: Wire) -> Told:
        """Whom to tell what comes of calls of this wire: looked up once, since heartbeats are told as well."""
        counters = {told: self._calls.labels(wire.protocol, wire.target, str(told)) for told in Outcome}
        return lambda told: counters[told].inc()

    def journal_write(self, seconds: float) -> None:
        """One record is durable."""
        self._writes.observe(seconds)

    def pass_done(self, seconds: float) -> None:
        """One pass over one job went through."""
        self._passes.observe(seconds)

    def pass_failed(self) -> None:
        """One pass over one job raised."""
        self._failed.inc()

    def end_failed(self) -> None:
        """An application could not be ended."""
        self._end_failures.inc()

    def unforeseen(self, work: str) -> None:
        """One of the controller's works met an error that nobody foresaw."""
        self._unforeseen.labels(work).inc()

    def event(self, warning: bool, reason: str) -> None:
        """One event was emitted; `reason` is one of api/reasons.py, so the label stays bounded."""
        self._events.labels("Warning" if warning else "Normal", reason).inc()


def _histogram(registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, text, registry=registry, buckets=buckets)
