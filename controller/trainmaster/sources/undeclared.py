"""Jobs that go on, or are about to end, though no document declares them (any more): known by what is shown of them.

So it is where a file can't be read, where a document that doesn't tell its name may be theirs, where files vanished together,
and until a controller has cleaned up after a deletion. For the command line; never here: changing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from trainmaster.errors import InvalidError
from trainmaster.sources import shown
from trainmaster.sources.files import Files
from trainmaster.sources.layout import Layout, file_of, is_whole, place_of, places_of
from trainmaster.sources.presence import shown_paths
from trainmaster.sources.reading import FileRead, problem
from trainmaster.sources.search import READERS, Search
from trainmaster.sources.shown import Shown
from trainmaster.sources.stored import StoredJob

STATUS_LIMIT = 64 << 20
"""bytes of what is shown of one job"""

_WHY = problem(
    "no document declares this job (any more): it goes on until it counts as deleted; "
    "`trainmaster delete` ends it"
)


def status_at(files: Files, layout: Layout, path: str) -> Shown | None:
    """What is shown at a job's path; None where there is nothing, or nothing that can be read."""
    try:
        return shown.from_bytes(files.read(layout.status_of(path), STATUS_LIMIT))
    except FileNotFoundError:
        return None


def not_declared(job: StoredJob) -> InvalidError:
    """Why nothing of it can be changed."""
    name = f"{job.namespace}/{job.name}"
    return InvalidError(f"no document declares {name} (any more), which came from {job.path}")


def others(reads: Iterable[FileRead], left: Iterable[StoredJob]) -> list[FileRead]:
    """What was read but for what is told of those that are `left`."""
    told = {(file_of(job.path), (job.namespace, job.name)) for job in left}
    return [each for each in reads if (file_of(each.path), each.seems) not in told]


class Undeclared:
    """Each call goes by what `search` read when it read all documents last."""

    def __init__(self, files: Files, layout: Layout, search: Search) -> None:
        self._files, self._layout, self._search = files, layout, search

    def all(self, shown_at: frozenset[str], pool: Executor) -> list[StoredJob]:
        """Those that go on. Who was deleted is on its way out, and isn't listed."""
        return [each for each in self._at(shown_at, pool) if each.path not in self._search.deleted]

    def of(self, namespace: str, name: str) -> list[StoredJob]:
        """What is shown of one job, also where it was deleted."""
        there, place = shown_paths(self._files, self._layout) or (), place_of("", namespace, name)
        paths = frozenset(path for path in there if is_whole(path) or path.endswith(place))
        with ThreadPoolExecutor(READERS) as pool:
            return [
                each for each in self._at(paths, pool) if (each.namespace, each.name) == (namespace, name)
            ]

    def marked(self, left: list[StoredJob], namespace: str, name: str) -> set[str]:
        """Where a mark says that the job was deleted: beside what is `left` of it, or where its file must have been."""
        usual, place = f"{namespace}/{name}.yaml", place_of("", namespace, name)
        found = {path for each in left for path in places_of(each.path, namespace, name)}
        if status_at(self._files, self._layout, usual) is None:  # else it is shown there, or another job is
            found.add(usual)
        return {path for path in self._search.deleted if path in found or path.endswith(place)}

    def _at(self, paths: frozenset[str], pool: Executor) -> Iterator[StoredJob]:
        """The jobs that are shown at these paths, and that no document accounts for."""
        reads = self._search.reads
        there = sorted(paths - {read.path for read in reads if _declares(read)})
        there = [path for path in there if not path.rpartition("/")[2].startswith(".")]
        declared = {read.identity for read in reads if _declares(read)}
        told = {(read.path, read.identity) for read in reads}
        torn = sorted((read for read in reads if read.seems), key=lambda read: read.order, reverse=True)
        seeming = {(file_of(read.path), read.seems): read for read in torn}  # of several the oldest
        for path, found in zip(there, pool.map(self._status, there), strict=True):
            if found and found.identity not in declared and (path, found.identity) not in told:
                yield _stored(path, found, seeming.get((file_of(path), found.identity)))

    def _status(self, path: str) -> Shown | None:
        return status_at(self._files, self._layout, path)


def _declares(read: FileRead) -> bool:
    return read.job is not None or read.named


def _stored(path: str, found: Shown, read: FileRead | None) -> StoredJob:
    """`read` seems to declare it, and can't be read: there its problems are."""
    return StoredJob(
        path=path,
        text=read.text if read else "",
        namespace=found.identity[0],
        name=found.identity[1],
        job=None,
        problems=read.problems if read else (_WHY,),
        owner=read.entry.owner if read else "",
        mtime=read.entry.modified / 1e9 if read else 0.0,
        status=found.status,
        uid=found.uid,
        generation=found.generation,
        created=found.created,
    )
