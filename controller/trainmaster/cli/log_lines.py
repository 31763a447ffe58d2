"""What of a log is printed, and how: its lines as they come, chosen by words and times, told apart by replica. Pure.

Never here: where a log is read from (logs.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from trainmaster.cli.log_times import time_of

LONGEST_LINE: Final = 1 << 20
"""bytes of an unfinished line that are kept; then it is shown as it is"""
BREAK: Final = re.compile(rb"(\n|\r(?<!\r\r)\r*+(?:\n|(?!\Z)))")
"""what ends a line: progress bars go back to its beginning instead; a return at the very end may be half of a line's end. It is
looked for from the first of several returns alone, so that a row of them is gone through once"""
COLOURS: Final = (36, 33, 32, 35, 34, 31)
"""of prefixes (SGR), one replica after the other"""
_DRIVES: Final = re.compile(r"(\x1b\[[0-9;]{0,40}m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""what drives a terminal; colours may"""


@dataclass(frozen=True, slots=True)
class Log:
    """One file of one container."""

    replica: str
    """role-index"""
    http: str
    """base URL of the NodeManager's web server"""
    container: str
    file: str


@dataclass(slots=True)
class Lines:
    """Which lines of one log are printed."""

    grep: re.Pattern[str] | None = None
    since: float = 0.0
    """seconds since the epoch; of what was written before nothing is printed. 0: all is"""
    head: int | None = None
    """only so many"""
    timed: bool = False
    """whether a line has told its time so far"""
    _recent: bool = False
    _printed: int = 0

    def chooses(self, line: str) -> bool:
        """Of the lines one after the other: one without a time is as old as the one before."""
        if self.since and (at := time_of(line)) is not None:
            self.timed, self._recent = True, at >= self.since
        wanted = (not self.since or self._recent) and (self.grep is None or bool(self.grep.search(line)))
        if not wanted or self.full:
            return False
        self._printed += 1
        return True

    @property
    def full(self) -> bool:
        """Whether nothing more of it is printed."""
        return self.head is not None and self._printed >= self.head


@dataclass(slots=True)
class Shown:
    """How far one log was printed."""

    log: Log
    prefix: str
    lines: Lines = field(default_factory=Lines)
    safe: bool = False
    """whether what drives a terminal is left out"""
    offset: int = 0
    rest: bytes = field(default=b"")
    """an unfinished line"""

    def take(self, content: bytes, length: int) -> list[str]:
        """The lines that are complete now."""
        self.offset = length
        known = self.rest.rstrip(b"\r")  # no line ends in there
        first, *others = BREAK.split(self.rest[len(known) :] + content)
        *parts, self.rest = known + first, *others
        lines = [line for line, end in zip(parts[::2], parts[1::2], strict=True) if line or b"\n" in end]
        if len(self.rest) > LONGEST_LINE:
            lines.append(self.rest)
            self.rest = b""
        elif self.rest.endswith(b"\r"):
            self.rest = self.rest.rstrip(b"\r") + b"\r"  # several are one
        return list(self._chosen(lines))

    def last(self) -> list[str]:
        """The unfinished line, when nothing more will come."""
        rest, self.rest = self.rest.rstrip(b"\r"), b""
        return list(self._chosen([rest])) if rest else []

    def begins_anew(self) -> None:
        """The file was cut off: what was unfinished in it is gone."""
        self.offset, self.rest = 0, b""

    def _chosen(self, lines: list[bytes]) -> Iterator[str]:
        for each in lines:
            line = each.decode(errors="replace")
            if self.lines.chooses(line):
                yield self.prefix + (harmless(line) if self.safe else line)


def prefix(replica: str, number: int, *, colours: bool) -> str:
    """Before each line of one of several replicas."""
    return f"\x1b[{COLOURS[number % len(COLOURS)]}m{replica}:\x1b[0m " if colours else f"{replica}: "


def harmless(line: str) -> str:
    """Without what drives a terminal, such as its title or the cursor: a process may write anything."""
    told = _DRIVES.sub(lambda found: found[1] or "\N{REPLACEMENT CHARACTER}", line)
    return f"{told}\x1b[0m" if "\x1b[" in told else told


def last_lines(content: bytes, lines: int) -> bytes:
    """The end of a text, from so many lines before it; an unfinished line counts as one."""
    end = len(content) - content.endswith(b"\n")
    for _ in range(lines):
        if end < 0:
            break
        end = content.rfind(b"\n", 0, end)
    return content[end + 1 :] if lines else b""
