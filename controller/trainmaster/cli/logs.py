"""`logs`: what the replicas wrote, read from the NodeManagers (or, after the end, from Hadoop's log server).

Which containers there are stands in the job's status; no controller is asked.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import completing
from trainmaster.cli.chosen import Name
from trainmaster.cli.exits import MissingError, UsageError
from trainmaster.cli.log_choice import Stream, Wanted, chosen, nothing
from trainmaster.cli.log_lines import Lines, Log, Shown, last_lines, prefix
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.store import open_store
from trainmaster.errors import UnavailableError

if TYPE_CHECKING:
    from trainmaster.hadoop.logs import ContainerLogs
    from trainmaster.settings import Settings
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.stored import StoredJob

LOOK_SECONDS = 1.0
LINE_BYTES = 256
"""guess at a line's length, for the first look at a tail"""


@dataclass(frozen=True, slots=True)
class Manner:
    """What is printed of each log, and how."""

    follow: bool = False
    tail: int | None = None
    head: int | None = None
    grep: re.Pattern[str] | None = None
    since: float = 0.0
    terminal: bool = False
    colours: bool = False

    def shown(self, log: Log, number: int, *, several: bool) -> Shown:
        """`number`: which of the replicas it is."""
        lines = Lines(self.grep, self.since, self.head)
        before = prefix(log.replica, number, colours=self.colours) if several else ""
        return Shown(log, before, lines, safe=self.terminal)


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
    head: Annotated[int | None, typer.Option(help="Only so many first lines of each.", min=0)] = None,
    grep: Annotated[str, typer.Option(help="Only lines in which this regular expression is found.")] = "",
    since: Annotated[
        str, typer.Option(help="Only lines of the last 10m, by the times that they begin with.")
    ] = "",
    container_file: Annotated[Stream | None, typer.Option(help="Only this one; left out: both.")] = None,
) -> None:
    """Print what a job's processes wrote."""
    streams = (container_file,) if container_file else tuple(Stream)
    if follow and (previous or rerun is not None):
        raise UsageError("a previous process writes no more: leave out -f, or --previous and --rerun")
    if head is not None and (follow or tail is not None):
        raise UsageError("--head ends where --tail and -f would begin: leave one of them out")
    on_terminal = sys.stdout.isatty()
    manner = Manner(
        follow=follow,
        tail=tail,
        head=head,
        grep=_pattern(grep),
        since=_moment(since),
        terminal=on_terminal,
        colours=on_terminal and not os.environ.get("NO_COLOR"),
    )
    store = open_store(choices)
    wanted = Wanted(choices.in_namespace(store), name, role, index, previous, rerun, streams)
    with _ended_by_the_system() if manner.grep else nullcontext():
        asyncio.run(_print_logs(choices.settings(), store, wanted, manner))


@contextmanager
def _ended_by_the_system() -> Iterator[None]:
    """At an interrupt: a pattern may come to no end on some line, and while Python looks for it no other thread of it works."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"--grep: {text!r} is no regular expression: {error}") from error


def _moment(text: str) -> float:
    """So long ago."""
    from trainmaster.api.quantities import parse_duration

    try:
        return time.time() - float(str(parse_duration(text))) if text else 0.0
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error


async def _print_logs(settings: Settings, store: Jobs, wanted: Wanted, manner: Manner) -> None:
    from trainmaster.hadoop.configuration import read
    from trainmaster.hadoop.http import Http
    from trainmaster.hadoop.logs import ContainerLogs

    http = Http(settings.own_user, settings.hadoop_ca_file)
    try:
        reader = ContainerLogs(read(settings.hadoop_conf_dir, settings.hadoop), http)
        await (_follow if manner.follow else _print_once)(store, reader, wanted, manner)
    finally:
        await http.close()


async def _print_once(store: Jobs, reader: ContainerLogs, wanted: Wanted, manner: Manner) -> None:
    stored = store.get(wanted.namespace, wanted.name)
    found = chosen(stored.status, wanted)
    if not found:
        raise MissingError(nothing(stored, wanted))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(log.replica for log in found))}
    shown = [manner.shown(log, numbers[log.replica], several=len(numbers) > 1) for log in found]
    if not any([await _print_one(reader, each, manner.tail) for each in shown]):
        raise MissingError(f"no log of {wanted.name} is left at its node, or none was written yet")
    _tell_untimed(shown)


async def _print_one(reader: ContainerLogs, shown: Shown, tail: int | None) -> bool:
    """Print all of one log, or its end; False when there is none."""
    if not await _skip(reader, shown, tail):
        return False
    there = await (_stream(reader, shown) if tail is None else _pump(reader, shown))
    _print(shown.last())
    return there


def _tell_untimed(shown: Iterable[Shown]) -> None:
    """What --since can't judge isn't printed, and that is said."""
    for each in shown:
        if each.lines.since and each.offset and not each.lines.timed:
            said = f"no line of {each.log.replica}'s {each.log.file} begins with a time"
            print(f"note: {said}: --since prints none of it", file=sys.stderr)


async def _follow(store: Jobs, reader: ContainerLogs, wanted: Wanted, manner: Manner) -> None:
    shown: dict[Log, Shown] = {}
    numbers: dict[str, int] = {}
    while True:
        stored = _looked_up(store, wanted)
        for log in chosen(stored.status, wanted) if stored else ():
            if log not in shown:
                number = numbers.setdefault(log.replica, len(numbers))
                shown[log] = manner.shown(log, number, several=wanted.index is None)
                await _asked(_begin(reader, shown[log], manner.tail))
        for each in shown.values():
            await _asked(_pump(reader, each))
        sys.stdout.flush()
        if stored and stored.finished:
            break
        await asyncio.sleep(LOOK_SECONDS)
    for each in shown.values():
        _print(each.last())
    _tell_untimed(shown.values())


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


async def _begin(reader: ContainerLogs, shown: Shown, tail: int | None) -> bool:
    return await (_stream(reader, shown) if tail is None else _skip(reader, shown, tail))


async def _stream(reader: ContainerLogs, shown: Shown) -> bool:
    """Print all that is there, piece by piece: a log may be larger than our memory. False when there is no such log."""
    log = shown.log

    def take(piece: bytes) -> bool:
        _print(shown.take(piece, shown.offset + len(piece)))
        return not shown.lines.full

    return await reader.stream(log.http, log.container, log.file, take)


async def _pump(reader: ContainerLogs, shown: Shown) -> bool:
    """Print what was written since the last time; False when there is no such log."""
    log = shown.log
    found = await reader.since(log.http, log.container, log.file, shown.offset)
    if found is not None and found.length < shown.offset:
        print(f"note: {log.replica}'s {log.file} was cut off, and is printed anew", file=sys.stderr)
        shown.begins_anew()
        found = await reader.since(log.http, log.container, log.file, 0)
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


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line)
