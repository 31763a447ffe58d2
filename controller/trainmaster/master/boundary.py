"""What the masters need of the outside, as protocols: sources of jobs and the journal's store.

Implementations live in sources/. Every call may raise UnavailableError (nothing is known, nothing was decided) and writes may
raise FencedError (another controller leads).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.master.beats import Beats
from trainmaster.plan.values import Event


class Journal(Protocol):
    """The controller's private memory: one small record per uid, written whole and durably, never half."""

    async def load(self) -> Mapping[str, bytes]:
        """All records, by uid. Of one that can't be read whatever is left, even nothing: its job must not be begun anew."""

    async def read(self, uid: str) -> bytes | None:
        """One record once more, such as one that could not be read; None when there is none."""

    async def write(self, uid: str, record: bytes) -> None:
        """Replace one record; returns only when it is durable. Concurrent calls for different uids are fine."""

    async def remove(self, uid: str) -> None:
        """Forget one record; no error when it is not there."""


class Lease(Protocol):
    """Who leads. Times are on the monotonic clock of this process."""

    address: str
    """where this controller's web server is reached: told to the others together with the lease"""

    @property
    def leader(self) -> str:
        """The address that the leader told, as last seen; empty while none is known."""

    @property
    def epoch(self) -> int:
        """Raised by each take-over, exclusively; 0 before the first."""

    def held(self) -> bool:
        """True while the lease is ours and live, by the monotonic clock."""

    @property
    def superseded(self) -> bool:
        """True once another controller is known to have taken over; False when nothing could be asked."""

    async def acquire(self) -> bool:
        """Try to take or renew the lease; True when it is ours. Never raises for a store that is away: returns False."""

    async def release(self) -> None:
        """Give it up on a clean stop, so that a standby takes over at once."""


class History(Protocol):
    """Where runs that are over are filed; paths are those of api/history.py, below its folder."""

    async def put(self, path: str, data: bytes) -> None:
        """Have this file there, whole; one that is there already, and whole, stays as it is."""

    async def prune(self, oldest: str) -> None:
        """Remove all months before this one (such as 2026-11)."""


class Source(Protocol):
    """Where jobs come from and status goes."""

    @property
    def name(self) -> str:
        """Kind of the source, such as folder."""

    @property
    def journal(self) -> Journal:
        """Where memories are kept."""

    @property
    def lease(self) -> Lease:
        """Who leads."""

    @property
    def pace(self) -> float:
        """Seconds between two statuses of one job at least: what changes faster is shown as its newest."""

    @property
    def trouble(self) -> str:
        """What keeps it from its work at present, for a person who can mend it, such as a missing right; empty when well."""

    @property
    def late(self) -> float:
        """Seconds since a part of what is declared can't be seen (a namespace among several); 0 where all can."""

    @property
    def unable(self) -> str:
        """Why it can't answer requests of its own (the admission webhooks); empty when it can, or has none."""

    @property
    def foreign(self) -> Mapping[str, str]:
        """Declarations that are seen and left alone, by path: the identity of the installation that drives each."""

    def ask(self, advise: Callable[[TrainingJob], str]) -> None:
        """Told once: whom to ask what keeps a job from starting, where the source can tell people while they declare it. The
        answer is empty where nothing does, or where it isn't known; any thread may ask."""

    async def cleared(self) -> Mapping[str, float]:
        """Nodes that somebody who may do so has said to be well again: host -> when, in seconds since the epoch."""

    async def identify(self) -> str:
        """The identity of the installation that this controller belongs to: made once and kept with the journal, so that it
        outlives names and leaders. Asked by each leader before it reads the journal."""

    async def start(self) -> None:
        """Once, before anything else. Raises what makes a start impossible, such as a taken port."""

    async def run(self, beats: Beats) -> None:
        """Its own life beside the looks (watching), on leader and standby alike, until cancelled; `beats` keeps it up."""

    def adopt(self, known: Mapping[str, tuple[str, str]]) -> None:
        """uid -> (namespace, name) of all journalled jobs, told once after the take-over and before the first look."""

    async def look(self) -> Mapping[str, Declared]:
        """The whole picture, by uid. A complete one or an exception; never half a picture."""

    async def changed(self, most: float) -> None:
        """Return as soon as a look would bring news, and after `most` seconds at the latest."""

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        """Show one status, whole; idempotent."""

    def astray(self) -> Collection[str]:
        """uids of jobs that show something else than `publish` showed last, since somebody changed it."""

    async def tell(self, declared: Declared, events: Sequence[Event]) -> None:
        """Show what happened, for people; called after the status that shows the same, and never again. May be lost."""

    async def gone(self, declared: Declared) -> None:
        """Everything of a deleted job was cleaned up: remove its status and whatever held the deletion."""

    async def remove(self, declared: Declared) -> None:
        """Remove the declaration itself (ttlDeletesResource)."""

    async def values(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        """What a Secret or ConfigMap (`kind`) holds by key, for processes of a job of this namespace. Raises an error whose
        words say why it can't be had, and what mends that."""

    async def close(self) -> None:
        """Wait for what is under way, and let go of everything."""
