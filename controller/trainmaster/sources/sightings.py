"""What one look at the jobs folder brought, and the state of one job between two looks. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainmaster.api.job import TrainingJob
from trainmaster.api.status import FieldProblem
from trainmaster.sources.known import Record
from trainmaster.sources.layout import DELETE, file_of, is_whole
from trainmaster.sources.reading import FileRead

Identity = tuple[str, str]
"""namespace and name"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark beside a job's file, left by the command line: it was deleted on purpose."""

    path: str
    """of the job's file, below jobs/"""
    owner: str
    kind: str = DELETE


@dataclass(frozen=True, slots=True)
class Look:
    """One complete listing, as read."""

    reads: Mapping[str, FileRead]
    """each document by its path below jobs/"""
    now: float
    """seconds on a monotonic clock"""
    today: float = 0.0
    """seconds since the epoch"""
    version: int | None = None
    """equal to that of the look before where `reads` are the same; None where nobody compared"""
    added: Mapping[str, FileRead] | None = None
    """what of `reads` the version before, which is smaller by one, lacked; None where that isn't all by which they differ"""
    marks: tuple[Mark, ...] = ()
    blind: frozenset[str] = frozenset()
    """folders and files below jobs/ that could not be looked into, or were left out"""
    crowded: frozenset[str] = frozenset()
    """owners with so many files that some were left out"""
    admin: str = ""
    """owner of the jobs folder: his marks count as everybody's own"""
    confirmed: bool = False
    """somebody said that the files which vanished together were deleted on purpose"""

    def may_hide(self, path: str, owner: str) -> bool:
        """Whether that owner's file of that path could be there unseen. Of a job without a path nothing can be excluded."""
        if not path:
            return bool(self.blind or self.crowded)
        return owner in self.crowded or any(each in self.blind for each in (path, *_around(path)))


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of one namespace and name."""

    record: Record
    job: TrainingJob | None = None
    problems: tuple[FieldProblem, ...] = ()
    read: FileRead | None = None
    missing_since: float | None = None
    held: bool = False
    """it vanished together with too many others: not deleted until it is back, or somebody confirms"""
    deleting: bool = False
    at_once: bool = False
    """whether its processes are to have no time to end in"""

    @property
    def is_missing(self) -> bool:
        return self.missing_since is not None and not self.deleting


def _around(path: str) -> Iterator[str]:
    """The file, and all folders, that a path lies in."""
    if not is_whole(path):
        yield file_of(path)
    while path := path.rpartition("/")[0]:
        yield path
