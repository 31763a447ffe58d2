"""What is counted of jobs' lives, over all jobs of this controller: waits, starts, replacements, restarts, ends.

Told by each job's `Life` (life.py) between two memories, once it is written. Never here: what is seen of one job now
(observe/), or a number that decisions read. docs/metrics.md lists all.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from trainmaster.api import reasons
from trainmaster.master.names import Names
from trainmaster.plan.classify import CHARGED
from trainmaster.plan.ends import Cause

LAUNCH = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""seconds; on a free cluster a job runs after about 1.3 s, on a full one it waits"""
WAITS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0)
"""seconds; for what others hold a job may wait for a night"""
LENGTHS = (10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 259200.0, 604800.0)
"""seconds; from a test to a week of training"""
MOST_QUEUES = 100
"""queues that have series of their own; those heard of later share one"""
SUCCEEDED, FAILED, DELETED = "Succeeded", "Failed", "Deleted"
SHRINK, GROW = "shrink", "grow"
ENDS = (
    (SUCCEEDED, reasons.JOB_SUCCEEDED),
    (DELETED, DELETED),
    *(
        (FAILED, reason)
        for reason in (
            reasons.PERMANENT_EXIT,
            reasons.CANNOT_RUN,
            reasons.BACKOFF_LIMIT_EXCEEDED,
            reasons.MAX_RESTARTS_EXCEEDED,
            reasons.ACTIVE_DEADLINE_EXCEEDED,
            reasons.PENDING_DEADLINE_EXCEEDED,
            reasons.KILLED_OUTSIDE,
            reasons.TOKEN_LOST,
            reasons.APPLICATION_LOST,
            reasons.SUBMISSION_REFUSED,
        )
    ),
)
"""how a run may end, and why"""


class Lives:
    """The counters and histograms. All times are seconds."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queues = Names(MOST_QUEUES)
        self._expected: set[tuple[str, str]] = set()
        self._finished = Counter(
            "trainmaster_jobs_finished",
            "Runs of jobs that are over, by how and why they ended.",
            ["result", "reason", "queue", "framework"],
            registry=registry,
        )
        self._restarts = Counter(
            "trainmaster_restarts",
            "Replicas restarted, by the judged cause, and whether that is charged to the job's budget.",
            ["cause", "charged"],
            registry=registry,
        )
        for cause in Cause:  # present from the start, so that the first restart is an increase
            self._restarts.labels(str(cause), _word(cause in CHARGED))
        self._gang_timeouts = Counter(
            "trainmaster_gang_timeouts",
            "Times that a gang wasn't whole in time, so that all its containers were given back.",
            registry=registry,
        )
        self._resizes = Counter(
            "trainmaster_resizes",
            "Times that an elastic role went on with fewer replicas (shrink), or with more again (grow).",
            ["direction"],
            registry=registry,
        )
        for direction in (SHRINK, GROW):
            self._resizes.labels(direction)
        self._times = _histograms(registry)
        self._queue_waits = Histogram(
            "trainmaster_queue_wait_seconds",
            "From when a job was declared, or resumed, until it had the containers to start.",
            ["queue"],
            registry=registry,
            buckets=WAITS,
        )
        self._durations = Histogram(
            "trainmaster_job_duration_seconds",
            "From the first start of a job's processes, since it was resumed last, until its end.",
            ["result"],
            registry=registry,
            buckets=LENGTHS,
        )
        for result in (SUCCEEDED, FAILED):
            self._durations.labels(result)

    def expected(self, queue: str, framework: str) -> None:
        """A job of that kind has an application: its end is to be an increase, also where it is the first of its kind."""
        kind = self._queues.of(queue), framework
        if kind in self._expected:
            return
        self._expected.add(kind)
        self._queue_waits.labels(kind[0])
        for result, reason in ENDS:
            self._finished.labels(result, reason, *kind)

    def finished(self, result: str, reason: str, queue: str, framework: str) -> None:
        """One run is over, and written down as such; `reason` is one of api/reasons.py."""
        self._finished.labels(result, reason, self._queues.of(queue), framework).inc()

    def lasted(self, result: str, seconds: float) -> None:
        """So long after the first start of its processes."""
        self._durations.labels(result).observe(seconds)

    def restart(self, cause: str, *, charged: bool) -> None:
        """One replica is to be restarted; `cause` is a `Cause`."""
        self._restarts.labels(str(cause), _word(charged)).inc()

    def waited(self, queue: str, seconds: float) -> None:
        """A job has all that it needs to start, so long after it was declared."""
        self._queue_waits.labels(self._queues.of(queue)).observe(seconds)

    def started(self, seconds: float) -> None:
        """All processes that must start first run, so long after the submission."""
        self._times["submit_to_running"].observe(seconds)

    def gathered(self, seconds: float) -> None:
        """A whole gang is there, so long after it was asked for."""
        self._times["gang_wait"].observe(seconds)

    def gang_timed_out(self) -> None:
        self._gang_timeouts.inc()

    def resized(self, direction: str) -> None:
        """An elastic role goes on with another number of replicas."""
        self._resizes.labels(direction).inc()

    def replaced(self, seconds: float) -> None:
        """A process runs in the place of one that ended so long ago."""
        self._times["replacement"].observe(seconds)


def _histograms(registry: CollectorRegistry) -> Mapping[str, Histogram]:
    texts = {
        "submit_to_running": "From a job's submission until all its first processes run.",
        "gang_wait": "From the asking for a whole gang until all its containers were there.",
        "replacement": "From the end of a process until the one in its place runs.",
    }
    return {
        name: Histogram(f"trainmaster_{name}_seconds", text, registry=registry, buckets=LAUNCH)
        for name, text in texts.items()
    }


def _word(charged: bool) -> str:
    return "true" if charged else "false"
