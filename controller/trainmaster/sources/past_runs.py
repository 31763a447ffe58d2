"""Reading the history: days from the newest to the oldest, and of each only the files that may be asked for.

Never here: what is asked for (api/past_runs.py). All calls block, and belong in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, timedelta
from itertools import islice
from threading import Lock

from trainmaster.api.history import EndedRun, decode, read_name
from trainmaster.api.past_runs import FIRST, Found, Wanted
from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.history import HistoryFolder, open_history

AT_ONCE = 16
"""files that are read at one time"""
MOST_READ = 20_000
"""files opened to answer one question"""
Sees = Callable[[EndedRun], bool]
"""whether somebody may see a run"""
Stopped = Callable[[], bool]
"""whether nobody waits for the answer any more: asked at each day, and before files are opened"""


class PastRuns:
    """The history as pages read it: opened when it is first asked for, so that a store that is away stops no controller."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._opening = settings, Lock()
        self._folder: HistoryFolder | None = None

    def __call__(self, wanted: Wanted, limit: int, most_read: int, sees: Sees, stopped: Stopped) -> Found:
        """As `find`, of those that somebody may see."""
        with self._opening:
            folder = self._folder = self._folder or open_history(self._settings)
        return find(folder, wanted, limit, most_read, sees, stopped)


def find(
    folder: HistoryFolder,
    wanted: Wanted,
    limit: int,
    most_read: int = MOST_READ,
    sees: Sees = lambda _: True,
    stopped: Stopped = lambda: False,
) -> Found:
    """The newest runs that are asked for, so many at most. Raises UnavailableError where the store is away, or nobody waits for
    the answer any more."""
    found: list[EndedRun] = []
    read = unread = 0
    with closing(records(folder, wanted, stopped)) as told:
        for run in told:
            read += 1
            unread += run is None
            if run and wanted.is_it(run) and sees(run):
                found.append(run)
            if len(found) > limit or read >= most_read:
                break
    return Found(tuple(found[:limit]), len(found) > limit or read >= most_read, unread)


def records(
    folder: HistoryFolder, wanted: Wanted, stopped: Stopped = lambda: False
) -> Generator[EndedRun | None]:
    """Every record that may be asked for by its file's name, newest first; None for one that can't be read."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="history") as threads:
        paths = _paths(folder, wanted, stopped)
        while batch := list(islice(paths, 4 * AT_ONCE)):
            _go_on(stopped)
            yield from threads.map(lambda path: _read(folder, path), batch)


def days(wanted: Wanted) -> Iterator[str]:
    """The folders in which they lie, newest first."""
    at = (wanted.until - timedelta(microseconds=1)).astimezone(UTC).date()
    last = max(wanted.since, FIRST).astimezone(UTC).date()
    while at >= last:
        yield f"{at:%Y-%m}/{at:%d}"
        at -= timedelta(days=1)


def _paths(folder: HistoryFolder, wanted: Wanted, stopped: Stopped) -> Iterator[str]:
    months = frozenset(folder.months())
    for day in days(wanted):
        if day.partition("/")[0] not in months:
            continue
        _go_on(stopped)
        for name in reversed(folder.names(day)):
            file = read_name(name) if wanted.may_be_called(name) else None
            if file and wanted.may_be(file):
                yield f"{day}/{name}"


def _go_on(stopped: Stopped) -> None:
    if stopped():
        raise UnavailableError("the search was given up")


def _read(folder: HistoryFolder, path: str) -> EndedRun | None:
    try:
        return decode(folder.read(path))
    except (InvalidError, RefusedError, FileNotFoundError):
        return None
