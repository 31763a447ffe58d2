"""Values of variables that come from elsewhere: looked up before containers are asked for, and anew when a process starts.

What can't be had is waited for, with its reason; nothing fails of it. Values are held for a moment, for a gang whose processes
start together, and go into launches alone: never into memory, status, events or logs. A file's content isn't seen here: YARN
brings it to the process. Never here: how they are asked for (the source), or what a launch looks like.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trainmaster.api.job import FileRef, TrainingJob
from trainmaster.api.value_from import KeyRef, ValueFrom
from trainmaster.api.variables import taken_from
from trainmaster.errors import InvalidError, TrainmasterError
from trainmaster.frameworks.environment import LONGEST
from trainmaster.hadoop.containers import LocalResource
from trainmaster.master import clock
from trainmaster.master.tasks import cancelled

log = logging.getLogger(__name__)

FRESH = 5.0
"""seconds for which what was read serves other processes: as long as a gang takes to be started"""
AGAIN, MOST = 2.0, 30.0
"""seconds until something that can't be had is looked for again, at first and at most"""
LOOKING = "the values of its variables are being looked up"

Fetch = Callable[[str, str, str], Awaitable[Mapping[str, bytes]]]
"""what an object of a namespace, kind and name holds (boundary.Source.values)"""
PrivateFiles = Callable[[FileRef, str], Awaitable[LocalResource]]
"""a file that this user alone may read, as YARN must be told of it; an error's words say what is wrong with it"""


@dataclass(frozen=True, slots=True)
class Given:
    """What a process is given beside what was declared."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """secret: by variable"""
    files: Mapping[str, LocalResource] = field(default_factory=dict)
    """by variable: files that hold the value"""


NOTHING = Given()


@dataclass(slots=True)
class _Look:
    """Whether all of a job's values can be had, for one generation of it."""

    wanted: Mapping[str, Mapping[str, ValueFrom]]
    generation: int
    words: str
    task: asyncio.Task[None]


class Secrets:
    def __init__(self, fetch: Fetch, files: PrivateFiles, ring: Callable[[str], None]) -> None:
        """`ring` has a job make a pass."""
        self._fetch, self._files, self._ring = fetch, files, ring
        self._known: dict[tuple[str, str, str], tuple[float, asyncio.Task[Mapping[str, bytes]]]] = {}
        self._looks: dict[str, _Look] = {}
        self._at_start: dict[str, str] = {}
        """by uid: what a process that is to start waits for"""
        self._waiting: Counter[str] = Counter()
        """by uid: processes that are to start, and are being given their values"""

    def lacks(self, uid: str) -> str:
        """What the job waits for; empty when nothing is known to be missing."""
        look = self._looks.get(uid)
        return (look.words if look else "") or self._at_start.get(uid, "")

    def look(self, uid: str, job: TrainingJob, generation: int, user: str) -> str:
        """Have all values of a job that is to be gathered looked for, until they're there; what is missing."""
        known, wanted = self._looks.get(uid), taken_from(job.spec)
        if known and (known.wanted, known.generation) == (wanted, generation):
            return known.words
        self.rest(uid)
        if not any(wanted.values()):
            return ""
        task = asyncio.get_running_loop().create_task(self._search(uid, job, user))
        self._looks[uid] = _Look(wanted, generation, LOOKING, task)
        return LOOKING

    def rest(self, uid: str) -> None:
        """Nothing is to be gathered."""
        if look := self._looks.pop(uid, None):
            look.task.cancel()

    def forget(self, uid: str) -> None:
        """Nothing of the job is left, or nobody drives it here any more."""
        self.rest(uid)
        self._at_start.pop(uid, None)

    async def close(self) -> None:
        """Nothing is looked for any more."""
        await cancelled(
            [*(look.task for look in self._looks.values()), *(task for _, task in self._known.values())]
        )

    async def of(
        self, uid: str, job: TrainingJob, role: str, user: str, awaited: Callable[[], bool] = lambda: True
    ) -> Given:
        """What a process of this role is given; waits until all of it can be had, or nobody waits for it any more."""
        if not (wanted := taken_from(job.spec)[role]):
            return NOTHING
        pause = AGAIN
        self._waiting[uid] += 1
        try:
            while awaited():
                try:
                    return await self._given(job, wanted, user)
                except TrainmasterError as error:
                    self._waits(uid, str(error))
                await asyncio.sleep(pause)
                pause = min(MOST, 2 * pause)
            return NOTHING
        finally:
            self._waiting -= Counter({uid: 1})  # which leaves nobody at 0
            if uid not in self._waiting:
                self._waits(uid, "")

    # --- looking

    async def _search(self, uid: str, job: TrainingJob, user: str) -> None:
        pause = AGAIN
        while words := await self._missing(job, user):
            self._tell(uid, words)
            await asyncio.sleep(pause)
            pause = min(MOST, 2 * pause)
        self._tell(uid, "")

    async def _missing(self, job: TrainingJob, user: str) -> str:
        """The first that can't be had; empty when all can."""
        try:
            for wanted in taken_from(job.spec).values():
                await self._given(job, wanted, user)
        except TrainmasterError as error:
            return str(error)
        return ""

    def _tell(self, uid: str, words: str) -> None:
        look = self._looks[uid]
        if words and look.words != words:
            log.info("a value can't be had", extra={"uid": uid, "error": words})
        if look.words != words:
            look.words = words
            self._ring(uid)

    def _waits(self, uid: str, words: str) -> None:
        if self._at_start.get(uid, "") == words:
            return
        if words:
            self._at_start[uid] = words
            log.info("a process waits for a value", extra={"uid": uid, "error": words})
        else:
            del self._at_start[uid]
        self._ring(uid)

    # --- one role's

    async def _given(self, job: TrainingJob, wanted: Mapping[str, ValueFrom], user: str) -> Given:
        """Raises a TrainmasterError of whatever kept it. What nobody foresaw is told by its kind alone: its words, and so its
        traceback, could tell of the value."""
        try:
            return await self._looked_up(job, wanted, user)
        except TrainmasterError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits must be able to go on waiting
            what = type(error).__name__
            log.error("a look up of values went wrong", extra={"job": job.metadata.name, "error": what})
            raise TrainmasterError(f"the values of its variables can't be looked up ({what})") from None

    async def _looked_up(self, job: TrainingJob, wanted: Mapping[str, ValueFrom], user: str) -> Given:
        values, files = {}, {}
        for variable, where in wanted.items():
            if where.file is not None:
                files[variable] = await self._files(FileRef(source=where.file), user)
        for variable, kind, ref in _keys(wanted):
            values[variable] = await self._value(job.metadata.namespace, kind, ref)
        return Given(values, files)

    async def _value(self, namespace: str, kind: str, ref: KeyRef) -> str:
        held = await self._object(namespace, kind, ref.name)
        said = f"{kind} {namespace}/{ref.name}"
        if ref.key not in held:
            raise InvalidError(f"{said} has no key {ref.key}")
        return _text(held[ref.key], f"{said}, key {ref.key}")

    async def _object(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        now, key = clock.monotonic(), (namespace, kind, name)
        at, task = self._known.get(key, (now, None))
        if task is None or (task.done() and now - at > FRESH):
            task = asyncio.ensure_future(self._fetch(*key))
            task.add_done_callback(lambda done: self._fetched(key, done))
            self._known[key] = now, task
        # Shielded: whoever asked first may be cancelled, and others wait for the same answer.
        return await asyncio.shield(task)

    def _fetched(self, key: tuple[str, str, str], done: asyncio.Task[Mapping[str, bytes]]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._drop(key, done)
        else:
            self._known[key] = clock.monotonic(), done
            asyncio.get_running_loop().call_later(FRESH, self._drop, key, done)

    def _drop(self, key: tuple[str, str, str], task: asyncio.Task[Mapping[str, bytes]]) -> None:
        """No value is held longer than it serves."""
        if key in self._known and self._known[key][1] is task:
            del self._known[key]


def _keys(wanted: Mapping[str, ValueFrom]) -> Iterator[tuple[str, str, KeyRef]]:
    for variable, where in wanted.items():
        if where.secret_key_ref:
            yield variable, "Secret", where.secret_key_ref
        if where.config_map_key_ref:
            yield variable, "ConfigMap", where.config_map_key_ref


def _text(value: bytes, said: str) -> str:
    """Never with the value in an error's words."""
    if len(value) >= LONGEST:
        raise InvalidError(f"{said}: {len(value)} bytes are more than a variable may have ({LONGEST})")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise InvalidError(f"{said}: it is no text in UTF-8, and a variable holds text") from None
    if "\0" in text:
        raise InvalidError(f"{said}: it holds a NUL character, which no process could be given")
    return text
