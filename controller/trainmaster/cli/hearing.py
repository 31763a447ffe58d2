"""What becomes of a change that a command made: what it takes to take effect, and what the controller says of it.

Words go to standard error, so that scripts read what they always read. Never here: the change itself.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from trainmaster.errors import InvalidError, NoSuchJobError, TrainmasterError

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

PATIENCE = 5.0
"""seconds for which a controller is waited for that has shown a status before; it mostly takes one"""
LOOK = 0.2


def ended(job: StoredJob | None) -> str:
    """Succeeded or Failed of a job that has ended; else empty."""
    return job.status.state if job and job.finished and job.status else ""


def refuse_ended(job: StoredJob, what: str) -> None:
    """InvalidError for what makes no sense of a job that has ended."""
    if how := ended(job):
        raise InvalidError(f"{job.name} has ended ({how}): there is nothing to {what}. {to_run_again(job)}")


def to_run_again(job: StoredJob) -> str:
    return f"`trainmaster rerun {job.name} -n {job.namespace}` runs it again"


def told(store: Jobs, before: StoredJob | None) -> None:
    """Say what a change of this job's declaration comes to, as far as it isn't simply taken over."""
    if before is None or before.status is None:
        return
    if how := ended(before):
        _note(
            f"{before.name} has ended ({how}), and the change starts nothing. {to_run_again(before)}, as changed"
        )
        return
    try:
        after = _heard(store, before)
    except NoSuchJobError:
        return
    except TrainmasterError as error:  # the change was made, whatever can't be looked up now
        _note(f"whether a controller takes it over can't be told: {error}")
        return
    if after is None:
        _note(
            f"no controller has taken note of it within {PATIENCE:g} s; `trainmaster get {before.name}` tells"
        )
    elif no := not_taken_over(after):
        _note(f"not taken over: {no}")


def not_taken_over(job: StoredJob) -> str:
    """Why the newest declaration doesn't count; empty where it does, or nobody has said."""
    accepted = job.status and next((c for c in job.status.conditions if c.type == "Accepted"), None)
    return accepted.message if accepted and accepted.status == "False" else ""


def _heard(store: Jobs, before: StoredJob) -> StoredJob | None:
    """The job with a status of its newest declaration; None where that doesn't come."""
    end = time.monotonic() + PATIENCE
    while True:
        now = store.get(before.namespace, before.name)
        same = now.job is not None and before.job is not None and now.job.spec == before.job.spec
        if same or now.uid != before.uid or (now.generation > before.generation and now.judged):
            return now
        if time.monotonic() > end:
            return None
        time.sleep(LOOK)


def _note(words: str) -> None:
    print(f"note: {words}", file=sys.stderr)
