"""`logs`: what the replicas wrote, read from the NodeManagers (or, after the end, from Hadoop's log server).

Which containers there are stands in the job's status; no controller is asked.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from trainmaster.cli import completing
from trainmaster.cli.chosen import Name
from trainmaster.cli.exits import MissingError, UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.errors import UnavailableError

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus, ReplicaStatus
    from trainmaster.hadoop.logs import ContainerLogs
    from trainmaster.settings import Settings
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

LOOK_SECONDS = 1.0
LINE_BYTES = 256
"""guess at a line's length, for the first look at a tail"""


class Stream(StrEnum):
    """The files that every process has."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of a job."""

    namespace: str
    name: str
    role: str = ""
    index: int | None = None
    previous: bool = False
    rerun: int | None = None
    """of which run, where not of the present one"""
    streams: tuple[Stream, ...] = tuple(Stream)


@dataclass(frozen=True, slots=True)
class Log:
    """One file of one container."""

    replica: str
    """role-index"""
    http: str
    """base URL of the NodeManager's web server"""
    container: str
    file: str


LONGEST_LINE = 1 << 16
"""bytes of an unfinished line that are kept; then it is shown as it is"""
BREAK = re.compile(rb"(\r*\n|\r++(?!\n|\Z))")
"""what ends a line: progress bars go back to its beginning instead; a return at the very end may be half of a line's end"""


@dataclass(slots=True)
class Shown:
    """How far one log was printed."""

    log: Log
    prefix: str
    offset: int = 0
    rest: bytes = field(default=b"")
    """an unfinished line"""

    def take(self, content: bytes, length: int) -> list[str]:
        """The lines that are complete now."""
        self.offset = length
        *parts, self.rest = BREAK.split(self.rest + content)
        lines = [line for line, end in zip(parts[::2], parts[1::2], strict=True) if line or b"\n" in end]
        if len(self.rest) > LONGEST_LINE:
            lines.append(self.rest)
            self.rest = b""
        return [self._line(line) for line in lines]

    def last(self) -> list[str]:
        """The unfinished line, when nothing more will come."""
        rest, self.rest = self.rest.rstrip(b"\r"), b""
        return [self._line(rest)] if rest else []

    def _line(self, line: bytes) -> str:
        return self.prefix + line.decode(errors="replace")


@with_choices
def logs(
    choices: Choices,
    name: Name,
    role: Annotated[str, typer.Option(help="Only this role.", autocompletion=completing.roles)] = "",
    index: Annotated[int | None, typer.Option(help="Only the replica of this index.", min=0)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the process before the present one.")
    ] = False,
    rerun: Annotated[
        int | None, typer.Option(help="Of an earlier run, by its number: 0 is the first.", min=0)
    ] = None,
    tail: Annotated[int | None, typer.Option(help="Only so many last lines of each.", min=0)] = None,
    container_file: Annotated[Stream | None, typer.Option(help="Only this one; left out: both.")] = None,
) -> None:
    """Print what a job's processes wrote."""
    streams = (container_file,) if container_file else tuple(Stream)
    if follow and (previous or rerun is not None):
        raise UsageError("a previous process writes no more: leave out -f, or --previous and --rerun")
    store = open_store(choices)
    wanted = Wanted(choices.in_namespace(store), name, role, index, previous, rerun, streams)
    asyncio.run(_print_logs(choices.settings(), store, wanted, follow, tail))


def chosen(status: JobStatus | None, wanted: Wanted) -> list[Log]:
    """The logs that are meant, of all replicas that have or had a container."""
    if status and wanted.rerun not in {None, status.rerun}:
        return list(_logs_of_earlier(status, wanted))
    found: list[Log] = []
    for role, of_role in status.roles.items() if status else ():
        for replica in of_role.replicas:
            if wanted.role in {"", role} and wanted.index in {None, replica.index}:
                found += _logs_of(f"{role}-{replica.index}", replica, wanted)
    return found


def _logs_of(label: str, replica: ReplicaStatus, wanted: Wanted) -> Iterator[Log]:
    yield from _logs_at(_previous_url(replica) if wanted.previous else replica.log_url, label, wanted)


def _logs_of_earlier(status: JobStatus, wanted: Wanted) -> Iterator[Log]:
    for run in status.earlier_runs:
        for log in run.logs if run.rerun == wanted.rerun else ():
            if wanted.role in {"", log.role} and wanted.index in {None, log.index}:
                yield from _logs_at(log.log_url, f"{log.role}-{log.index}", wanted)


def _logs_at(url: str, label: str, wanted: Wanted) -> Iterator[Log]:
    parts = urlsplit(url)
    _, found, rest = parts.path.partition("/containers/")
    if found:
        base = f"{parts.scheme}://{parts.netloc}"
        yield from (Log(label, base, rest.split("/")[0], stream.value) for stream in wanted.streams)


def _previous_url(replica: ReplicaStatus) -> str:
    end = replica.last_exit
    return end.log_url if end and end.log_url != replica.log_url else ""


async def _print_logs(
    settings: Settings, store: Jobs, wanted: Wanted, follow: bool, tail: int | None
) -> None:
    from trainmaster.hadoop.configuration import read
    from trainmaster.hadoop.http import Http
    from trainmaster.hadoop.logs import ContainerLogs

    http = Http(settings.own_user, settings.hadoop_ca_file)
    try:
        reader = ContainerLogs(read(settings.hadoop_conf_dir, settings.hadoop), http)
        await (_follow if follow else _print_once)(store, reader, wanted, tail)
    finally:
        await http.close()


async def _print_once(store: Jobs, reader: ContainerLogs, wanted: Wanted, tail: int | None) -> None:
    stored = store.get(wanted.namespace, wanted.name)
    found = chosen(stored.status, wanted)
    if not found:
        raise MissingError(_nothing(stored, wanted))
    several = len({log.replica for log in found}) > 1
    shown = [Shown(log, _prefix(log, several)) for log in found]
    if not any([await _print_one(reader, each, tail) for each in shown]):
        raise MissingError(f"no log of {wanted.name} is left at its node, or none was written yet")


async def _print_one(reader: ContainerLogs, shown: Shown, tail: int | None) -> bool:
    """Print all of one log, or its end; False when there is none."""
    if not await _skip(reader, shown, tail):
        return False
    there = await _pump(reader, shown)
    _print(shown.last())
    return there


async def _follow(store: Jobs, reader: ContainerLogs, wanted: Wanted, tail: int | None) -> None:
    shown: dict[Log, Shown] = {}
    while True:
        stored = _looked_up(store, wanted)
        for log in chosen(stored.status, wanted) if stored else ():
            if log not in shown:
                shown[log] = Shown(log, _prefix(log, several=wanted.index is None))
                await _asked(_skip(reader, shown[log], tail))
        for each in shown.values():
            await _asked(_pump(reader, each))
        sys.stdout.flush()
        if stored and stored.finished:
            break
        await asyncio.sleep(LOOK_SECONDS)
    for each in shown.values():
        _print(each.last())


def _looked_up(store: Jobs, wanted: Wanted) -> StoredJob | None:
    try:
        return store.get(wanted.namespace, wanted.name)
    except UnavailableError as error:  # nothing is known: look again
        print(f"warning: {error}", file=sys.stderr)
        return None


async def _asked(question: Awaitable[bool]) -> None:
    """While following, a node that can't be asked is asked again later."""
    try:
        await question
    except UnavailableError as error:
        print(f"warning: {error}", file=sys.stderr)


async def _pump(reader: ContainerLogs, shown: Shown) -> bool:
    """Print what was written since the last time; False when there is no such log."""
    log = shown.log
    found = await reader.since(log.http, log.container, log.file, shown.offset)
    if found is not None:
        _print(shown.take(found.content, found.length))
    return found is not None


async def _skip(reader: ContainerLogs, shown: Shown, lines: int | None) -> bool:
    """Begin at the last so many lines. YARN tells tails by bytes, so ask for more until they are there."""
    if lines is None:
        return True
    log, size = shown.log, (lines + 1) * LINE_BYTES
    while True:
        found = await reader.tail(log.http, log.container, log.file, size)
        if found is None:
            return False
        if found.start == 0 or found.content.count(b"\n") > lines:
            shown.offset = found.length - len(last_lines(found.content, lines))
            return True
        size *= 4


def last_lines(content: bytes, lines: int) -> bytes:
    """The end of a text, from so many lines before it; an unfinished line counts as one."""
    end = len(content) - content.endswith(b"\n")
    for _ in range(lines):
        end = content.rfind(b"\n", 0, max(end, 0))
    return content[end + 1 :] if lines else b""


def _prefix(log: Log, several: bool) -> str:
    return f"{log.replica}: " if several else ""


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line)


def _nothing(stored: StoredJob, wanted: Wanted) -> str:
    if wanted.rerun is not None and (status := stored.status):
        known = [str(run.rerun) for run in status.earlier_runs] + [str(status.rerun)]
        if str(wanted.rerun) not in known:
            return f"{wanted.name} has no run {wanted.rerun} whose logs are known; it has {', '.join(known)}"
    if wanted.role and stored.job and wanted.role not in stored.job.spec.roles:
        return f"{wanted.name} has no role {wanted.role}; it has {', '.join(stored.job.spec.roles)}"
    if missing := _no_such_index(stored, wanted):
        return missing
    which = "previous process" if wanted.previous else "process"
    return f"{wanted.name} has no {which} whose log is known"


def _no_such_index(stored: StoredJob, wanted: Wanted) -> str:
    """Where no role has so many replicas: what there is."""
    roles = stored.job.spec.roles if stored.job else {}
    sizes = {
        name: role.replicas for name, role in roles.items() if wanted.role in {"", name} and role.replicas
    }
    if wanted.index is None or not sizes or wanted.index < max(sizes.values()):
        return ""
    there = (f"{name} has {'only 0' if size == 1 else f'0 to {size - 1}'}" for name, size in sizes.items())
    return f"no replica {wanted.index}: {', '.join(there)}"
