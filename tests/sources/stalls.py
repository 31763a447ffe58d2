"""A controller that stands still at the worst moment, as a paused machine does: between writing a record and putting it in place.

The same scenario runs on files of this machine and on a real HDFS.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from trainmaster.errors import FencedError, UnavailableError
from trainmaster.sources.files import Files
from trainmaster.sources.journal import FolderJournal
from trainmaster.sources.threads import Threads


class Lead:
    """A lease that is held as the test says."""

    superseded = False
    address = leader = ""

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.answers = [True]

    def held(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def acquire(self) -> bool:
        return self.held()

    async def release(self) -> None:
        self.answers = [False]


class Stalled(Lead):
    """Its controller stands still right after it was found to hold the lease once more, until it is let go."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.left = 0
        self.stands, self.go = threading.Event(), threading.Event()

    def held(self) -> bool:
        self.left -= 1
        if self.left == 0:
            self.stands.set()
            self.go.wait(60)
        return True


async def stalled(ours: Files, theirs: Files, folder: str, meanwhile: str) -> None:
    """A write gets to where its new file lies ready; a later leader replaces or removes the record; the write goes on."""
    lead = Stalled(1)
    journal = FolderJournal(ours, folder, Threads(4), lead)
    await journal.write("u1", b"old")
    lead.left = 2  # asked when the write begins, and again right before the new file takes its place
    late = asyncio.create_task(journal.write("u1", b"late"))
    await asyncio.to_thread(lead.stands.wait, 60)
    names = [entry.path.rpartition("/")[2] for entry in theirs.walk(folder).entries]
    assert [name for name in names if name.startswith(".u1.json.")], names

    later = FolderJournal(theirs, folder, Threads(4), Lead(2))
    assert await later.load() == {"u1": b"old"}
    await (later.write("u1", b"new") if meanwhile == "replaced" else later.remove("u1"))
    lead.go.set()
    with pytest.raises((FencedError, UnavailableError)):
        await late
    left = {"u1": b"new"} if meanwhile == "replaced" else {}
    assert await later.load() == left
    assert await FolderJournal(theirs, folder, Threads(4), Lead(3)).load() == left
