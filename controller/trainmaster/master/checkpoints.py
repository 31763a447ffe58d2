"""When one looks for jobs' checkpoints: seldom, a few at a time, and beside all else. What is found is shown, never decided on.

Never here: the look itself (sources/checkpoints.py), or what a checkpoint is (frameworks/checkpoints.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from trainmaster.api.checkpoint_status import CheckpointStatus
from trainmaster.api.declared import Declared
from trainmaster.errors import TrainmasterError
from trainmaster.master import clock
from trainmaster.master.tasks import cancelled
from trainmaster.plan.memory import Memory

log = logging.getLogger(__name__)

TURN = 2.0
"""seconds between two looks at who is due"""
SETTLED = 5.0
"""seconds after the first look at a folder, by which alone nothing is known to be whole"""
AT_ONE_TIME = 8
"""looks that are under way at most: each is three or four calls to a NameNode"""


@dataclass(frozen=True, slots=True)
class Training:
    """A job that may write checkpoints."""

    uid: str
    url: str
    """where they go"""
    user: str
    """whom it runs as"""


def training_of(declared: Declared, memory: Memory, after: float) -> Training | None:
    """What is to be looked at for a job; None where it has no checkpointPath, never ran, or ended before that time."""
    job, application = declared.job, memory.application
    over = memory.verdict is not None and memory.verdict.at < after
    if (
        job is None
        or not job.spec.checkpoint_path
        or application is None
        or over
        or not memory.started_generation
    ):
        return None
    return Training(memory.uid, job.spec.checkpoint_path, application.user)


class FoundCheckpoints:
    """By job: the newest one that was found."""

    def __init__(self) -> None:
        self._found: dict[str, CheckpointStatus] = {}

    def of(self, uid: str) -> CheckpointStatus | None:
        return self._found.get(uid)

    def put(self, uid: str, found: CheckpointStatus) -> bool:
        """Whether it is another one than was known."""
        before, self._found[uid] = self._found.get(uid), found
        return before != found

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget those of the others."""
        self._found = {uid: self._found[uid] for uid in uids if uid in self._found}


class Look(Protocol):
    """Whoever can look (sources/checkpoints.Checkpoints)."""

    async def newest(self, uid: str, url: str, user: str) -> CheckpointStatus | None: ...
    def knows(self, uid: str) -> bool: ...
    def keep_only(self, uids: Iterable[str]) -> None: ...
    def close(self) -> None: ...


class Trainings(Protocol):
    """Whose jobs they are: the fleet. It shows what is found."""

    def trainings(self, since: float) -> Mapping[str, Training]:
        """Those that live, and those that ended less than so many seconds ago, by uid."""

    def show_checkpoint(self, uid: str, found: CheckpointStatus) -> None: ...
    def keep_checkpoints(self, uids: Iterable[str]) -> None: ...


class CheckpointWatch:
    """Asks about each training once in `interval` seconds; 0: about none."""

    def __init__(self, interval: float, look: Look) -> None:
        self._interval, self._look = interval, look
        self._due: dict[str, float] = {}
        """by job: when one looks again; those that are being looked at aren't in it"""
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self, fleet: Trainings) -> None:
        """Until cancelled."""
        try:
            while True:
                self.turn(fleet, clock.monotonic())
                await asyncio.sleep(TURN)
        finally:
            await cancelled(self._tasks.values())
            self._look.close()

    def turn(self, fleet: Trainings, now: float) -> None:
        """Begin to look for those that are due, longest waiting first."""
        trainings = fleet.trainings(since=2 * self._interval) if self._interval else {}
        self._look.keep_only(trainings)
        fleet.keep_checkpoints(trainings)
        self._due = {uid: self._due.get(uid, now) for uid in trainings if uid not in self._tasks}
        due = sorted((at, uid) for uid, at in self._due.items() if at <= now)
        for _, uid in due[: max(0, AT_ONE_TIME - len(self._tasks))]:
            self._begin(fleet, trainings[uid])

    def _begin(self, fleet: Trainings, training: Training) -> None:
        self._due.pop(training.uid)
        task = asyncio.get_running_loop().create_task(self._ask(fleet, training))
        self._tasks[training.uid] = task
        task.add_done_callback(lambda _: self._tasks.pop(training.uid, None))

    async def _ask(self, fleet: Trainings, training: Training) -> None:
        pause = SETTLED if not self._look.knows(training.uid) else self._interval
        try:
            found = await self._look.newest(training.uid, training.url, training.user)
        except TrainmasterError as error:
            log.info("no checkpoint could be looked for", extra={"uid": training.uid, "error": str(error)})
            found, pause = None, self._interval
        except Exception:  # one folder must not keep the others from being looked at
            log.exception(
                "looking for a checkpoint failed in a way nobody foresaw", extra={"uid": training.uid}
            )
            found, pause = None, self._interval
        self._due[training.uid] = clock.monotonic() + pause
        if found is not None:
            fleet.show_checkpoint(training.uid, found)
