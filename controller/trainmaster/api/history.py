"""What is kept of a run of a job once it is over: one small file each, of a format that other programs may read.

Lives here: the record, its name, and its bytes. Never here: where files lie (sources/history.py), or what a run comes to (plan/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from trainmaster.api.hiding import Said
from trainmaster.errors import InvalidError

VERSION = 1
"""the newest that is read; it rises where a reader of the one before would misunderstand a record, not for a new field"""
MOST_BYTES = 64 * 1024
"""of one file: what is kept is bounded far below"""
DELETED = "Deleted"
"""the state of a run that ended because its declaration was deleted; the others are Succeeded and Failed"""
STATES = ("Succeeded", "Failed", DELETED)
_SAFE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")
_NAME = re.compile(r"(\d{8}T\d{6}Z),([^,/]+),([^,/]+),([^,/]+),(\d{1,9})\.json")
_STAMP = "%Y%m%dT%H%M%SZ"


class _Kept(BaseModel):
    """A frozen part of a record. Fields of a later version are read over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Held(_Kept):
    """Resources times seconds over a whole run, over all its containers."""

    memory_mib_seconds: float = 0.0
    vcore_seconds: float = 0.0
    gpu_seconds: float = 0.0
    gpu_asked_seconds: float = 0.0
    """what the declaration wanted for as long as the run wanted to run, whether or not YARN had granted it"""
    gpu_measured_seconds: float = 0.0
    """part of the held ones in which the use of the GPU was known"""
    gpu_used_seconds: float = 0.0
    """those measured ones, times how busy the GPU was (0 to 1, in tenths)"""
    gpu_idle_seconds: float = 0.0
    """those measured ones in which it was idle, by the same rule as trainmaster_gpu_idle_seconds_total"""


class KeptSpent(_Kept):
    """What a run's replicas spent in one class of time (Training, Recovering, …)."""

    waiting_seconds: float = 0.0
    """of those that had no container"""
    container_seconds: float = 0.0
    gpu_seconds: float = 0.0


class KeptEnd(_Kept):
    """The last end of a replica."""

    role: str
    index: int
    code: int
    cause: str
    message: Said = ""
    node: str = ""
    at: str = ""
    log_url: str = ""


class KeptCondition(_Kept):
    """A condition as it stood at the end."""

    type: str
    status: str
    last_transition_time: str


class EndedRun(_Kept):
    """One run of a job that is over. Times are RFC 3339 in UTC; empty where there was none."""

    version: int = VERSION
    uid: str
    namespace: str
    name: str
    run: int = 0
    """runPolicy.rerun of this run"""
    state: str
    reason: str = ""
    message: Said = ""
    user: str = ""
    """YARN user that it ran as"""
    queue: str = ""
    framework: str = ""
    spec_digest: str = ""
    """sha256 of the declaration that was in force, as the controller keeps it; equal ones are of equal declarations"""
    replicas: Mapping[str, int] = {}
    """by role"""
    queued_at: str = ""
    started_at: str = ""
    """first start of its processes, since it was resumed last"""
    ended_at: str
    """its verdict, or when its deletion was heeded"""
    closed_at: str = ""
    """when YARN had been told, and nothing lived any more"""
    applications: tuple[str, ...] = ()
    """newest last; the last ten"""
    restarts: int = 0
    charged_restarts: int = 0
    restarts_by_cause: Mapping[str, int] = {}
    """replicas restarted, by what their ends were judged to be"""
    ends: tuple[KeptEnd, ...] = ()
    """failures first; the first twenty"""
    held: Held | None = None
    """left out where a controller that didn't keep it drove the run"""
    spent: Mapping[str, KeptSpent] | None = None
    """by class: what became of that time; left out as `held` is"""
    lost_by_cause: Mapping[str, float] = {}
    """seconds of replicas that failures cost, by what they were judged to be"""
    lost_by_node: Mapping[str, float] = {}
    """the same by the node that failed"""
    page: str = ""
    """address of the run's page"""
    conditions: tuple[KeptCondition, ...] = ()

    @property
    def stamp(self) -> datetime:
        return datetime.fromisoformat(self.ended_at)

    @property
    def seconds(self) -> float:
        """From the first start of its processes to its end; 0 where none was started."""
        begun = self.started_at and datetime.fromisoformat(self.started_at)
        return max(0.0, (self.stamp - begun).total_seconds()) if begun else 0.0


@dataclass(frozen=True, slots=True, order=True)
class FileName:
    """What the name of a record's file tells: so listings are filtered, and put in order, before anything is opened."""

    ended: datetime
    namespace: str
    name: str
    uid: str
    run: int

    @property
    def path(self) -> str:
        """Below the history's folder. One month is a folder, so that it can be removed as one; in it each day is one, since a
        folder of HDFS holds a million files at most."""
        stamp = self.ended.astimezone(UTC)
        words = (stamp_of(stamp), self.namespace, self.name, self.uid, str(self.run))
        return f"{stamp:%Y-%m}/{stamp:%d}/{','.join(words)}.json"

    @property
    def page(self) -> str:
        """Address of the run's own page below that of the web server: with all that the name tells, so that it stays this run's,
        and only one day is looked through for it."""
        return f"history/{stamp_of(self.ended)}/{self.namespace}/{self.name}/{self.uid}/{self.run}/"


def stamp_of(moment: datetime) -> str:
    """As names of files begin; texts that are compared as their times are."""
    return moment.astimezone(UTC).strftime(_STAMP)


def file_of(run: EndedRun) -> FileName:
    """Made of what doesn't change once it is written down, so that whoever writes it again writes the same file."""
    uid = run.uid if _UID.fullmatch(run.uid) else "-"
    return FileName(run.stamp, _safe(run.namespace), _safe(run.name), uid, run.run)


def read_name(name: str) -> FileName | None:
    """The last part of a path; None for a file that is no record."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        ended = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return FileName(ended, found[2], found[3], found[4], int(found[5]))


def encode(run: EndedRun) -> bytes:
    """One JSON object, its version first, and a line's end: a file without it was cut off."""
    document = run.model_dump_json(by_alias=True, exclude_defaults=True).removeprefix("{")
    return f'{{"version":{run.version},{document}\n'.encode()


def decode(data: bytes) -> EndedRun:
    """Raises InvalidError for what was cut off, is no record, or is of a version that this program doesn't know."""
    if not data.endswith(b"}\n"):
        raise InvalidError("a history record was cut off")
    try:
        run = EndedRun.model_validate_json(data)
    except ValidationError as error:
        where = [".".join(map(str, e["loc"])) for e in error.errors(include_input=False)]
        raise InvalidError(f"a history record can't be read: {', '.join(where)}") from None
    if wrong := ", ".join(_wrong(run)):
        raise InvalidError(f"a history record can't be read: {wrong}")
    if run.version > VERSION:
        raise InvalidError(f"a history record is of version {run.version}, and this program reads {VERSION}")
    return run


def _wrong(run: EndedRun) -> Iterator[str]:
    """Fields that can't be meant: times that are none, and amounts that can't be added up. The model doesn't check that: a record
    that still waits to be filed stands in the journal, which must be readable whatever it says."""
    for name in ("queued_at", "started_at", "closed_at", "ended_at"):
        said = getattr(run, name)
        if (said or name == "ended_at") and not _is_time(said):
            yield to_camel(name)
    for name in ("run", "restarts", "charged_restarts"):
        if getattr(run, name) < 0:
            yield to_camel(name)
    for name, amount in run.held or ():
        if not 0 <= amount < inf:
            yield f"held.{to_camel(name)}"


def _is_time(said: str) -> bool:
    try:
        return datetime.fromisoformat(said).tzinfo is not None
    except ValueError:
        return False


def month_over(month: str) -> datetime:
    """The end of a month such as 2026-11. Raises InvalidError."""
    try:
        return (month_of(month) + timedelta(days=32)).replace(day=1)
    except OverflowError:
        raise InvalidError(f"{month!r} is no month such as 2026-11") from None


def month_of(month: str) -> datetime:
    """The beginning of a month such as 2026-11. Raises InvalidError."""
    try:
        return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidError(f"{month!r} is no month such as 2026-11") from None


def as_document(run: EndedRun) -> dict[str, Any]:
    """As it stands in its file."""
    return run.model_dump(mode="json", by_alias=True, exclude_none=True)


def _safe(word: str) -> str:
    return word if _SAFE.fullmatch(word) else "-"
