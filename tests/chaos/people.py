"""The people: they declare jobs as fast as they end, suspend some, take some back, and look how they are.

They work in a thread of their own: a store that is away holds them up, and what is broken is to be mended in time nevertheless.
Never here: what breaks.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from random import Random

import requests
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from chaos.training import Job, drawn, spec
from real.rooms import Room
from trainer.ledger import Entry
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.errors import TrainmasterError

_UNREACHED = (TrainmasterError, OSError, requests.RequestException, ApiException, HTTPError)
"""what a store that is away says"""
_SUSPEND = ("spec", "runPolicy", "suspend")
_PACE = 0.5
"""seconds between two things that they do"""


class People:
    """Used by two threads: what it knows of jobs is only ever added to."""

    def __init__(self, room: Room, folder: Path, chance: Random) -> None:
        self.jobs: list[Job] = []
        self.secrets: set[str] = set()
        """tokens that processes were given"""
        self._room, self._folder, self._chance = room, folder, chance
        self._owed: defaultdict[str, deque[Callable[[], bool]]] = defaultdict(deque)
        """by job what they want done and don't know to be done, in that order"""
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: None)

    def work(self, jobs: int) -> None:
        """Keep so many jobs training, until `rest`."""
        self._thread = threading.Thread(target=self._work, args=(jobs,), daemon=True)
        self._thread.start()

    def rest(self) -> None:
        """Begin nothing any more."""
        self._over.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "a call to the store has not returned within two minutes"

    def settle(self) -> None:
        """Do what is owed, and look at all jobs once."""
        for owed in list(self._owed.values()):
            while owed and owed[0]():
                owed.popleft()
        for job in self.living():
            status = self.status(job)
            if status and status.is_true(ConditionType.FINISHED):
                job.ended = time.monotonic()
        self.secrets |= {secret for entry in self.processes() for secret in _secrets(entry)}

    def living(self) -> list[Job]:
        """Jobs that were not seen to end, nor taken back."""
        return [job for job in self.jobs if job.ended is None and not job.deleted]

    def status(self, job: Job) -> JobStatus | None:
        """What is shown of it; None while that can't be read."""
        with contextlib.suppress(*_UNREACHED):
            return self._room.status(job.name)
        return None

    @property
    def owes(self) -> bool:
        """Whether something that they want isn't done."""
        return any(self._owed.values())

    def processes(self) -> list[Entry]:
        """All training processes that live."""
        return [entry for job in self.jobs for entry in job.ledger.running()]

    def count_kill(self, entry: Entry) -> None:
        """One of its processes is killed alone, which is charged to a job."""
        next(job for job in self.jobs if entry in job.ledger.starts(entry.who)).kills += 1

    def _work(self, jobs: int) -> None:
        while not self._over.wait(_PACE):
            self.settle()
            if len(self.living()) < jobs:
                self._declare()
            elif self._chance.random() < 0.05:
                self._chance.choice((self._suspend, self._delete))()

    def _declare(self) -> None:
        job = drawn(len(self.jobs), self._folder, self._chance)
        self.jobs.append(job)
        self._want(job, lambda: self._room.drop(job.name, spec(job)))

    def _suspend(self) -> None:
        job = self._chance.choice(self.living())
        self._want(job, lambda: self._room.edit(job.name, {_SUSPEND: True}))
        again = time.monotonic() + self._chance.uniform(1, 6)
        self._want(job, lambda: self._room.edit(job.name, {_SUSPEND: False}), again)

    def _delete(self) -> None:
        job = self._chance.choice(self.living())
        job.deleted = True
        self._want(job, lambda: job.name in self._room.names() and self._room.delete(job.name))

    def _want(self, job: Job, verb: Callable[[], object], at: float = 0.0) -> None:
        """Whether a verb that failed was taken isn't known: it is tried until it succeeds, or the job has ended."""

        def done() -> bool:
            if time.monotonic() < at:
                return False
            with contextlib.suppress(*_UNREACHED):
                verb()
                return True
            return job.ended is not None

        self._owed[job.name].append(done)


def _secrets(entry: Entry) -> list[str]:
    """The tokens in a process's environment."""
    try:
        variables = Path(f"/proc/{entry.pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
    return [v.partition("=")[2] for v in variables if v.startswith("TRAINMASTER_STATUS_TOKEN=")]
