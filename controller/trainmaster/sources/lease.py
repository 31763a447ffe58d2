"""Who leads: one file per epoch, created exclusively, renewed by moving its modification time on.

Why this is safe, by clocks that only this process reads:
- A renewal first moves the time of our file, then lists. It counts only if no higher epoch is listed or marked (see below), and
  it counts from its own start, for two thirds of the lease's duration.
- A standby takes over when it saw no renewal for the whole duration, or for that of the leader, which stands in the journal, if
  it is longer, by creating the next epoch: of several, one succeeds.
- After creating it, it looks at its predecessor once more. If that renewed meanwhile, its last renewal may have listed
  just before our file was there, so the new leader waits out the duration before it acts; so it does where it finds only then
  that its predecessor's duration is longer than it has watched. Any later renewal of the predecessor lists our file, and
  doesn't count.
- Whoever takes an epoch marks it in the journal's folder as well, before it leads (epochs.py): each is led in once. Where the
  journal knows a higher one than there is, the folder was wiped, perhaps under a leader that doesn't know yet: the next one
  begins above that, and waits out the duration too. Only the first leader of a new store waits for nobody.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from trainmaster.errors import TrainmasterError
from trainmaster.sources.epochs import Epochs
from trainmaster.sources.files import Entry, Files
from trainmaster.sources.threads import Threads

log = logging.getLogger(__name__)

_EPOCH = re.compile(r"epoch-(\d{6,})")
_RELEASED = ".released"
_HOLDER = ".holder"
_KEPT = 5
"""epochs whose files are kept, for people to read"""
_USABLE = 2 / 3
"""share of the duration for which a renewal counts: the rest is for what was begun in time and is still under way"""
_STEP = 1_000_000
"""nanoseconds by which a renewal moves the modification time: HDFS counts milliseconds"""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest epoch file as listed."""

    epoch: int
    modified: int
    released: bool
    path: str


class FolderLease:
    def __init__(
        self,
        files: Files,
        folder: str,
        threads: Threads,
        duration: float,
        monotonic: Callable[[], float],
        epochs: Epochs,
    ) -> None:
        self._files = files
        self._folder = folder
        self._threads = threads
        self._duration = duration
        self._now, self._epochs = monotonic, epochs
        self._epoch = 0
        self._ours: Entry | None = None
        self._live_until = 0.0
        self._may_act_from = 0.0
        self._watched: Newest | None = None
        self._watched_since = 0.0
        self.holder = ""
        """who leads as last seen: host and process id"""
        self.address = ""
        self.leader = ""

    @property
    def epoch(self) -> int:
        """The epoch that we took last; 0 before the first."""
        return self._epoch

    @property
    def superseded(self) -> bool:
        """Whether we led once, and saw that another controller does now; False when nothing could be asked."""
        return self._epoch > 0 and self._ours is None

    def held(self) -> bool:
        """Whether we lead, by the monotonic clock alone."""
        return self._ours is not None and self._may_act_from <= self._now() < self._live_until

    async def acquire(self) -> bool:
        """Take the lease or renew it; False also when the store is away. Call it at least four times a duration."""
        try:
            if self._ours is not None:
                await self._renew(self._ours)
            else:
                await self._try()
        except (TrainmasterError, OSError) as error:
            log.warning("the lease could not be renewed or looked at: %s", error)
        return self.held()

    async def release(self) -> None:
        """Step down. A standby takes over at its next look; it has to wait when the store can't be told, and where we waited
        ourselves for somebody who may still lead."""
        if self._ours is None:
            return
        ours, self._ours = self._ours, None
        if self._now() < self._may_act_from:
            return
        try:
            await self._threads.call(self._files.create, ours.path + _RELEASED, b"")
        except (TrainmasterError, OSError) as error:
            log.warning("the lease could not be given up, a standby has to wait: %s", error)

    async def _renew(self, before: Entry) -> None:
        start = self._now()
        # Moved on even if this attempt fails: a renewal must never repeat a time that a standby may have seen.
        ours = self._ours = replace(before, modified=before.modified + _STEP)
        try:
            await self._threads.call(self._files.touch, ours.path, ours.modified)
            newest = await self._newest()
            marked = await self._threads.call(self._epochs.newest)
        except FileNotFoundError:
            newest, marked = None, 0
        if self._ours is not ours:
            return  # released meanwhile
        if newest is None or max(newest.epoch, marked) != self._epoch:
            self._step_down(newest)
        else:
            self._live_until = start + self._duration * _USABLE

    def _step_down(self, newest: Newest | None) -> None:
        log.error("another controller leads now: epoch %s", newest.epoch if newest else "unknown")
        self._ours = self._watched = None

    async def _try(self) -> None:
        newest = await self._newest()
        if newest is None:
            await self._threads.call(self._files.make_folder, self._folder)
        else:
            await self._learn_holder(newest)
        if newest is None or newest.released or await self._is_stale(newest):
            await self._take(newest)

    async def _is_stale(self, newest: Newest) -> bool:
        """Whether the leader's file stood still for the whole duration, as this process saw it."""
        if newest != self._watched:
            self._watched, self._watched_since = newest, self._now()
        watched = self._now() - self._watched_since
        return watched >= self._duration and watched >= await self._duration_of(newest.epoch)

    async def _duration_of(self, epoch: int) -> float:
        return await self._threads.call(self._epochs.duration, epoch)

    async def _take(self, before: Newest | None) -> None:
        start = self._now()
        last, known = before.epoch if before else 0, await self._threads.call(self._epochs.newest)
        if known > last and await self._newest() != before:
            return  # another standby was first, after we had looked
        epoch = max(last, known, self._epoch) + 1
        path = f"{self._folder}/epoch-{epoch:06d}"
        try:
            await self._threads.call(self._files.create, path, b"")
        except FileExistsError:
            return  # another standby was first
        ours = await self._threads.call(self._files.stat, path)
        if not await self._threads.call(self._epochs.take, epoch, self._duration):
            return  # another one leads in it, whose file was wiped: he goes on with this one
        longest = max(self._duration, *[await self._duration_of(each) for each in (last, known)])
        if await self._threads.call(self._epochs.newest) > epoch:
            return  # somebody with a shorter duration has not waited for us to mark it
        still = known <= last and (before is None or await self._stood_still(before, longest, start))
        wait = 0.0 if still else longest
        self._epoch, self._ours = epoch, ours
        self._may_act_from = self._now() + wait
        self._live_until = start + self._duration * _USABLE
        await self._introduce(path)
        await self._prune(epoch)

    async def _stood_still(self, before: Newest, duration: float, until: float) -> bool:
        """A released predecessor renews no more; another one must not have, for the whole of the longer duration."""
        if before.released:
            return True
        if until - self._watched_since < duration:
            return False
        try:
            entry = await self._threads.call(self._files.stat, before.path)
        except FileNotFoundError:
            return False
        return entry.modified == before.modified

    async def _newest(self) -> Newest | None:
        """The newest epoch; None when there is none yet."""
        try:
            listing = await self._threads.call(self._files.walk, self._folder)
        except FileNotFoundError:
            return None
        names = {entry.path.rpartition("/")[2]: entry for entry in listing.entries}
        epochs = {int(match[1]): entry for name, entry in names.items() if (match := _EPOCH.fullmatch(name))}
        if not epochs:
            return None
        epoch, entry = max(epochs.items())
        released = f"{entry.path.rpartition('/')[2]}{_RELEASED}" in names
        return Newest(epoch, entry.modified, released, entry.path)

    async def _introduce(self, path: str) -> None:
        """Say who leads, for people; nothing rests on it."""
        self.holder = f"{socket.gethostname()} process {os.getpid()}"
        try:
            words = f"{self.holder}\n{self.address}"
            await self._threads.call(self._files.replace, path + _HOLDER, words.encode())
        except (TrainmasterError, OSError) as error:
            log.warning("could not write down who leads: %s", error)

    async def _learn_holder(self, newest: Newest) -> None:
        if self._watched is not None and self._watched.epoch == newest.epoch and self.holder:
            return
        try:
            told = await self._threads.call(self._files.read, newest.path + _HOLDER, 4096)
        except FileNotFoundError:
            told = b""
        self.holder, _, self.leader = told.decode(errors="replace").partition("\n")

    async def _prune(self, epoch: int) -> None:
        listing = await self._threads.call(self._files.walk, self._folder)
        for entry in listing.entries:
            match = _EPOCH.match(entry.path.rpartition("/")[2])
            if match and int(match[1]) <= epoch - _KEPT:
                await self._threads.call(self._files.delete, entry.path)
