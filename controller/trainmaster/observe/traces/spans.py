"""A run of a job as spans: one of all of it, one for each phase, which together are as long, and one for each process. Pure.

Their ids follow from the job's uid and the number of the run, so a trace that is sent twice is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from trainmaster.api.hiding import without_secrets
from trainmaster.plan.ends import GOOD_ENDS, Life
from trainmaster.plan.history import own_applications
from trainmaster.plan.in_force import last_good
from trainmaster.plan.memory import Memory, Verdict
from trainmaster.plan.past import life_of
from trainmaster.plan.phase import Phase, Since

ROOT = "TrainingJob"
DELETED = "Deleted"
Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time. Times are seconds since the epoch."""

    name: str
    id: str
    """16 hexadecimal digits"""
    began: float
    ended: float
    parent: str = ""
    """id of the span that it belongs to; empty for the one of all"""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    failed: str | None = None
    """why it didn't go well; None where it did, or nobody can say"""


@dataclass(frozen=True, slots=True)
class Trace:
    id: str
    """32 hexadecimal digits"""
    spans: tuple[Span, ...]
    """that of all first"""


def trace_of(memory: Memory, verdict: Verdict | None, now: float) -> Trace | None:
    """The present run, which is over; `verdict` is None where it was deleted before any. None where nothing is known of it."""
    if not memory.phases:
        return None
    trace = trace_id(memory.uid, memory.rerun)
    began = memory.phases[0].at
    ended = max(memory.closed_at or now, memory.phases[-1].at)
    root = Span(
        ROOT,
        _digest(16, trace, ROOT),
        began,
        ended,
        attributes=_of_job(memory, verdict),
        failed=None if verdict is None or verdict.succeeded else without_secrets(verdict.message),
    )
    return Trace(trace, (root, *_phases(memory, root), *_processes(memory, root)))


def trace_id(uid: str, run: int) -> str:
    """32 hexadecimal digits, of this run of this job."""
    return _digest(32, uid, str(run))


def _of_job(memory: Memory, verdict: Verdict | None) -> dict[str, Value]:
    job, application = last_good(memory), memory.application
    result = DELETED if verdict is None else "Succeeded" if verdict.succeeded else "Failed"
    told: dict[str, Value] = {
        "job.namespace": memory.namespace,
        "job.name": memory.name,
        "job.uid": memory.uid,
        "job.run": memory.rerun,
        "job.result": result,
        "job.reason": verdict.reason if verdict else DELETED,
        "job.framework": job.spec.framework.value if job else "",
        "job.user": application.user if application else memory.begun_with.get("spec.user", ""),
        "job.queue": application.queue if application else memory.begun_with.get("spec.queue", ""),
        "job.applications": ",".join(own_applications(memory)[-10:]),
        "job.restarts": memory.restarts,
        "job.restarts.charged": memory.charged,
    }
    spent = {
        f"job.spent.{name.lower()}_seconds": round(each[0] + each[1], 3)
        for name, each in memory.ledger.total.items()
    }
    return {f"trainmaster.{name}": value for name, value in (told | spent).items() if value != ""}


def _phases(memory: Memory, root: Span) -> Iterator[Span]:
    """Each ends where the next one begins, and the last with the run."""
    for at, (since, next_) in enumerate(pairwise((*memory.phases, Since(Phase.STOPPING, root.ended)))):
        why: dict[str, Value] = {"trainmaster.cause": without_secrets(since.why)} if since.why else {}
        yield Span(
            since.phase.value, _digest(16, root.id, "phase", str(at)), since.at, next_.at, root.id, why
        )


def _processes(memory: Memory, root: Span) -> Iterator[Span]:
    """Those that are kept of this run, within its time."""
    for life in (*memory.lives, *(life_of(r) for r in memory.replicas if r.bound)):
        if root.began <= life.began <= root.ended:
            yield _process(life, root)


def _process(life: Life, root: Span) -> Span:
    told: dict[str, Value | None] = {
        "role": life.role,
        "index": life.index,
        "run": life.run,
        "container": life.container,
        "node": life.host,
        "exit_code": life.code,
        "cause": life.cause or None,
    }
    ended = min(max(life.ended or root.ended, life.began), root.ended)
    return Span(
        str(life),
        _digest(16, root.id, life.container, str(life.process)),
        life.began,
        ended,
        root.id,
        {f"trainmaster.process.{name}": value for name, value in told.items() if value is not None},
        failed=f"{life.cause}: exit code {life.code}" if life.cause and life.cause not in GOOD_ENDS else None,
    )


def _digest(digits: int, *words: str) -> str:
    """The same for the same words, and never all zeros, which is no id."""
    found = hashlib.sha256("\0".join(words).encode()).hexdigest()[:digits]
    return found if found.strip("0") else "1".rjust(digits, "0")
