"""What only the shell can count, because no kept picture shows it afterwards: counters and histograms.

Gauges are read off the pictures in observe/metrics.py. Never here: a decision, or a number that decisions
read. Every metric is listed in docs/metrics.md; a test compares.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from trainmaster.plan.ends import Cause
from trainmaster.plan.memory import Memory, ReplicaMemory

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""seconds; a calm heartbeat takes about 2 ms, one that meets a busy ResourceManager a second"""
LAUNCH = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""seconds; on a free cluster a job runs after about 1.3 s, on a full one it waits"""
WORKS = (
    "affair",
    "cluster",
    "events",
    "fleet",
    "gpus",
    "jobs",
    "lease",
    "listing",
    "repairs",
    "rights",
    "source",
    "status",
    "statuses",
    "watch",
    "webhooks",
)
"""what may meet an error that nobody foresaw: present from the start, so that the first one is an increase"""


class Measures:
    """The counters of one controller. All times are seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._restarts = Counter(
            "trainmaster_restarts", "Replicas restarted, by the judged cause.", ["cause"], registry=registry
        )
        for cause in Cause:  # present from the start, so that the first restart is an increase
            self._restarts.labels(str(cause))
        self._heartbeats = _histogram(
            registry, "trainmaster_heartbeat_seconds", "Duration of one answered allocate.", FAST
        )
        self._launches = _histogram(
            registry,
            "trainmaster_submit_to_running_seconds",
            "From a job's submission until all its first processes run.",
            LAUNCH,
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

    def restarted(self, before: Memory, after: Memory) -> None:
        """Count the restarts, charged or not, that were decided between two memories of one job."""
        if before.replicas is after.replicas:
            return
        known = {replica.key: _tries(replica) for replica in before.replicas}
        for replica in after.replicas:
            if replica.last_exit is not None and _tries(replica) > known.get(replica.key, 0):
                self.restart(replica.last_exit.cause)

    def restart(self, cause: str) -> None:
        """One replica is to be restarted; `cause` is a `Cause`."""
        self._restarts.labels(str(cause)).inc()

    def started(self, seconds: float) -> None:
        """All processes that must start first run, so long after the submission."""
        self._launches.observe(seconds)

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


def _tries(replica: ReplicaMemory) -> int:
    return replica.restarts + replica.replacements


def _histogram(registry: CollectorRegistry, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, text, registry=registry, buckets=buckets)
