"""Which runs of the history are asked for, and what was found. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property

from trainmaster.api.history import EndedRun, FileName, stamp_of

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
"""no run is older: so that a mistyped year doesn't have a thousand folders looked for"""


@dataclass(frozen=True)
class Wanted:
    """Empty words filter nothing. Namespace, name, user and queue may be patterns such as team-*."""

    since: datetime
    until: datetime
    """exclusive; both are times of ends"""
    namespace: str = ""
    name: str = ""
    user: str = ""
    queue: str = ""
    state: str = ""
    uid: str = ""
    run: int | None = None

    def may_be_called(self, name: str) -> bool:
        """What a file's name tells as a text: a day may have a hundred thousand, and few of them need be parsed."""
        ended, namespace, job, *_ = (*name.split(",", 3), "", "")
        return (
            _fits(self.name, job)
            and _fits(self.namespace, namespace)
            and self._earliest <= ended <= self._latest
        )

    @cached_property
    def _earliest(self) -> str:
        return stamp_of(self.since)

    @cached_property
    def _latest(self) -> str:
        return stamp_of(self.until)

    def may_be(self, file: FileName) -> bool:
        """What the file's name tells: where this is False nothing need be opened."""
        told = _fits(self.namespace, file.namespace) and _fits(self.name, file.name)
        own = self.uid in ("", file.uid) and self.run in (None, file.run)
        return told and own and self.since <= file.ended < self.until

    def is_it(self, run: EndedRun) -> bool:
        """What only the record tells."""
        return _fits(self.user, run.user) and _fits(self.queue, run.queue) and self.state in ("", run.state)


@dataclass(frozen=True, slots=True)
class Found:
    """The newest of those that are asked for, newest first."""

    runs: tuple[EndedRun, ...]
    more: bool = False
    """whether there may be others: so many are wanted, or so many files were opened"""
    unread: int = 0
    """files that hold no record which this program can read"""


def _fits(pattern: str, word: str) -> bool:
    return not pattern or fnmatchcase(word, pattern)
