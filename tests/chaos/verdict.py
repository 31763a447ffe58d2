"""What must hold once all is over, as functions of what was seen: no IO but the ledgers' files.

Each finding is a sentence; none is what we want. Never here: waiting, or daemons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from chaos.training import Job
from trainmaster.api.status import ConditionType, JobStatus


def findings(jobs: Iterable[Job], statuses: Mapping[str, JobStatus]) -> list[str]:
    """What is wrong with these jobs; `statuses` of those that weren't deleted, by name."""
    found: list[str] = []
    for job in jobs:
        found += _of_steps(job) + _of_processes(job)
        if not job.deleted:
            found += _of_status(job, statuses.get(job.name, JobStatus()))
    return found


def _of_steps(job: Job) -> list[str]:
    """Each step of training was taken once and in order; and all of them, unless somebody took the job back."""
    found = []
    for who in job.workers():
        taken = [step for step, _ in job.ledger.steps(who)]
        wanted = list(range(1, (len(taken) if job.deleted else job.steps) + 1))
        if taken != wanted:
            again = sorted(step for step, times in Counter(taken).items() if times > 1)
            words = f"steps {again[:5]} were taken more than once" if again else f"{len(taken)} steps"
            found.append(f"{job.name}: {who} should have taken {len(wanted)} steps, each once: {words}")
    return found + [finding for who in job.others() for finding in _of_order(job, who)]


def _of_order(job: Job, who: str) -> list[str]:
    """Whoever goes on for ever has taken as many steps as it had time for, and none of them twice."""
    taken = [step for step, _ in job.ledger.steps(who)]
    return (
        [f"{job.name}: {who} took steps twice, or out of order"]
        if taken != list(range(1, len(taken) + 1))
        else []
    )


def _of_processes(job: Job) -> list[str]:
    twice = [f"{job.name}: two processes were {entry.who} at one time" for entry in job.ledger.twice()]
    alive = [f"{job.name}: {entry.who} (process {entry.pid}) still runs" for entry in job.ledger.running()]
    return twice + alive


def _of_status(job: Job, status: JobStatus) -> list[str]:
    if not status.is_true(ConditionType.SUCCEEDED):
        return [f"{job.name}: should have succeeded, and is {status.state or 'without a status'}"]
    if status.restarts > job.kills:
        return [
            f"{job.name}: {status.restarts} restarts are charged, and {job.kills} of its processes were killed"
        ]
    return []


def leaked(secrets: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """Which of these texts (name -> content) hold a secret."""
    wanted = [secret for secret in secrets if secret]
    if not wanted:
        return ["no process was seen to be given a token, so that none could be looked for"]
    return [f"{name} tells a secret" for name, text in texts.items() if any(s in text for s in wanted)]
