"""When one looks for jobs' checkpoints and models: seldom, a few at a time, and beside all else. What is found is shown, and
never decided on.

A store that hangs holds up nobody whose checkpoints lie in another one, and no user takes all of a store's turns.

Never here: the looks themselves (sources/checkpoints.py, sources/saved_models.py), or what a checkpoint is
(frameworks/checkpoints.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from trainmaster.api.declared import Declared
from trainmaster.errors import CrowdedError, InvalidError, TrainmasterError, UnavailableError
from trainmaster.master import clock
from trainmaster.master.tasks import cancelled
from trainmaster.plan.memory import Memory
from trainmaster.plan.values import CheckpointLook, SavedModelLook

log = logging.getLogger(__name__)

TURN = 2.0
"""seconds between two looks at who is due"""
SETTLED = 5.0
"""seconds after the first look at a folder, by which alone nothing is known to be whole"""
AT_ONE_TIME = 8
"""looks into one store that are under way at most: each is three or four calls to a NameNode"""
SHARE = 4
"""of them for folders of one user"""
REST = 1800.0
"""seconds after a look at a folder that holds too much to be looked through: its owner may mend that"""
LAST = 2
"""looks after a job's end: one alone doesn't tell what is settled"""
LATE = 3600.0
"""seconds after its end until which these are made up for, where they couldn't be made in time"""


@dataclass(frozen=True, slots=True)
class Training:
    """A folder that a job may write its checkpoints to, or its model."""

    uid: str
    url: str
    """the folder"""
    user: str
    """whom it runs as"""
    over: bool = False
    """whether nothing of it runs any more"""
    model: bool = False
    """whether it is the model's"""

    @property
    def key(self) -> str:
        """Of this folder among those of all jobs."""
        return f"{self.uid}/model" if self.model else self.uid


def trainings_of(declared: Declared, memory: Memory, after: float) -> Iterator[Training]:
    """What is to be looked at for a job; nothing where it never ran, or ended before that time.

    A model counts only once the job has succeeded: before, nobody knows whether it is one. Where savedModelPath is left out,
    it lies among the checkpoints, and can't be told from them.
    """
    job, application, verdict = declared.job, memory.application, memory.verdict
    past = verdict is not None and verdict.at < after
    if job is None or application is None or past or not memory.started_generation:
        return
    if job.spec.checkpoint_path:
        yield Training(memory.uid, job.spec.checkpoint_path, application.user, memory.finished)
    if job.spec.saved_model_path and memory.finished and verdict is not None and verdict.succeeded:
        yield Training(memory.uid, job.spec.saved_model_path, application.user, over=True, model=True)


L = TypeVar("L", CheckpointLook, SavedModelLook)


class _Found(Generic[L]):
    """By job: what the last look came to that told anything."""

    def __init__(self) -> None:
        self._found: dict[str, L] = {}

    def of(self, uid: str) -> L | None:
        return self._found.get(uid)

    def put(self, uid: str, found: L) -> bool:
        """Whether it is another one than was known."""
        before, self._found[uid] = self._found.get(uid), found
        return before != found

    def keep_only(self, uids: Iterable[str]) -> None:
        """Forget those of the others."""
        self._found = {uid: self._found[uid] for uid in uids if uid in self._found}


class FoundCheckpoints(_Found[CheckpointLook]):
    """Of checkpoints."""


class FoundSavedModels(_Found[SavedModelLook]):
    """Of models."""


class Look(Protocol):
    """Whoever can look (sources/checkpoints.Checkpoints)."""

    async def newest(self, uid: str, url: str, user: str) -> CheckpointLook | None: ...
    async def saved_model(self, url: str, user: str) -> SavedModelLook: ...
    def store_of(self, url: str) -> str: ...
    def keep_only(self, uids: Iterable[str]) -> None: ...
    def close(self) -> None: ...


class Trainings(Protocol):
    """Whose jobs they are: the fleet. It shows what is found."""

    def trainings(self, since: float) -> Mapping[str, Training]:
        """Of those that live, and those that ended less than so many seconds ago, by key."""

    def show_checkpoint(self, uid: str, found: CheckpointLook) -> None: ...
    def show_saved_model(self, uid: str, found: SavedModelLook) -> None: ...
    def keep_looks(self, trainings: Iterable[Training]) -> None: ...


class _Lane:
    """Who waits for a look into one store: of each user the longest waiting first, and the users in turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[str]] = OrderedDict()
        self._under_way: Counter[str] = Counter()

    def add(self, user: str, uid: str) -> None:
        self._waiting.setdefault(user, deque()).append(uid)

    def begun(self) -> tuple[str, str] | None:
        """User and job of the next look; None where none may begin now."""
        if self._under_way.total() >= AT_ONE_TIME:
            return None
        user = next((each for each in self._waiting if self._under_way[each] < SHARE), None)
        if user is None:
            return None
        uid = self._waiting[user].popleft()
        self._waiting.move_to_end(user)
        if not self._waiting[user]:
            del self._waiting[user]
        self._under_way[user] += 1
        return user, uid

    def ended(self, user: str) -> None:
        self._under_way[user] -= 1
        self._under_way += Counter()  # without those that are at nothing


class CheckpointWatch:
    """Asks about each training once in `interval` seconds; 0: about none."""

    def __init__(self, interval: float, look: Look) -> None:
        self._interval, self._look = interval, look
        self._trainings: Mapping[str, Training] = {}
        """whom one looks at"""
        self._due: dict[str, float] = {}
        """by job: when one looks again; those that wait for that or are being looked at aren't in it"""
        self._busy: set[str] = set()
        self._lanes: dict[str, _Lane] = {}
        """by store"""
        self._last: Counter[str] = Counter()
        """by job: looks that told something since its end"""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, fleet: Trainings) -> None:
        """Until cancelled."""
        try:
            while True:
                self.turn(fleet, clock.monotonic())
                await asyncio.sleep(TURN)
        finally:
            await cancelled(self._tasks)
            self._look.close()

    def turn(self, fleet: Trainings, now: float) -> None:
        """Have looked at whoever is due: as many as may be at once, and each of the others as soon as a look ends."""
        trainings = fleet.trainings(since=max(LATE, 2 * self._interval)) if self._interval else {}
        self._last = Counter(
            {uid: n for uid, n in self._last.items() if uid in trainings and trainings[uid].over}
        )
        self._trainings = {uid: each for uid, each in trainings.items() if self._last[uid] < LAST}
        self._look.keep_only(self._trainings)
        fleet.keep_looks(trainings.values())
        self._due = {uid: self._due.get(uid, now) for uid in self._trainings if uid not in self._busy}
        for _, uid in sorted((at, uid) for uid, at in self._due.items() if at <= now):
            del self._due[uid]
            self._busy.add(uid)
            self._lane(self._trainings[uid].url).add(self._trainings[uid].user, uid)
        for lane in self._lanes.values():
            self._begin(fleet, lane)

    def _lane(self, url: str) -> _Lane:
        try:
            store = self._look.store_of(url)
        except InvalidError:  # nobody looks there, which the look itself will tell
            store = ""
        return self._lanes.setdefault(store, _Lane())

    def _begin(self, fleet: Trainings, lane: _Lane) -> None:
        while begun := lane.begun():
            user, uid = begun
            task = asyncio.get_running_loop().create_task(self._ask(fleet, uid))
            self._tasks.add(task)
            task.add_done_callback(lambda done, user=user: self._ended(fleet, lane, user, done))  # type: ignore[misc]

    def _ended(self, fleet: Trainings, lane: _Lane, user: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        lane.ended(user)
        if not task.cancelled():
            self._begin(fleet, lane)

    async def _ask(self, fleet: Trainings, key: str) -> None:
        training = self._trainings.get(key)
        pause = await self._looked(fleet, training) if training else 0.0
        self._busy.discard(key)
        self._due[key] = clock.monotonic() + pause

    async def _looked(self, fleet: Trainings, training: Training) -> float:
        """Seconds until the next look."""
        try:
            told = await self._told(fleet, training)
        except TrainmasterError as error:
            log.info(
                "nobody could look what a job has written", extra={"uid": training.uid, "error": str(error)}
            )
            self._last[training.key] += training.over and not isinstance(error, UnavailableError)
            return REST if isinstance(error, CrowdedError) else self._interval
        except Exception:  # one folder must not keep the others from being looked at
            log.exception(
                "looking what a job has written failed in a way nobody foresaw", extra={"uid": training.uid}
            )
            return self._interval
        self._last[training.key] += training.over
        return self._interval if told else min(SETTLED, self._interval)

    async def _told(self, fleet: Trainings, training: Training) -> bool:
        """Look, and show what was found; whether the look told anything."""
        if training.model:
            model = await self._look.saved_model(training.url, training.user)
            fleet.show_saved_model(training.uid, model)
            return True
        found = await self._look.newest(training.uid, training.url, training.user)
        if found is not None:
            fleet.show_checkpoint(training.uid, found)
        return found is not None
