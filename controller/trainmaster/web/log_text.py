"""A piece of a log as lines that a page can show: progress bars in their last state, no colours, no control characters. Pure.

Whatever a process writes, the work grows with the piece alone, and lines, their letters and their marks are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

LONGEST: Final = 4_000
"""letters of a line that are shown"""
RAW: Final = 4 * LONGEST
"""letters of a line that are looked at: colours take some"""
MOST: Final = 20_000
"""lines that are shown: the last ones"""
SEARCHED: Final = 100_000
"""lines in which one can search: the last ones"""
HITS: Final = 100
"""marks in one line"""
MARKS: Final = 20_000
"""marks in all: those of the last lines"""

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
"""colours, moves and titles of terminals"""
_UNSEEN = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = dict.fromkeys(_UNSEEN, " ")
"""what can't be seen, and what turns the direction of writing; all but the tabulator and the ends of lines"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, in pieces: every second one is what was searched for."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that are shown of a piece of a log."""

    lines: tuple[Line, ...] = ()
    cut: str = ""
    """which lines these are, where the piece holds more than are looked at or shown"""


NOTHING: Final = Lines()


def lines(content: bytes, whole: bool, find: str = "") -> Lines:
    """The last lines of this piece, or of those that hold a word, whatever its case. `whole` says whether it begins at the
    beginning of the file: else its first line is a part of one, and left out."""
    text = content.decode(errors="replace")
    if not whole:
        text = text.partition("\n")[2]
    if not text:
        return NOTHING
    most = SEARCHED if find else MOST
    parts = text.removesuffix("\n").rsplit("\n", most)
    cut = f"of the last {most:,} lines" if len(parts) > most else ""
    if not find:
        return Lines(tuple(Line((_shown(part),)) for part in parts[-most:]), cut)
    found = list(islice(_found(reversed(parts[-most:]), _low(find)), MOST + 1))
    cut = f"the last {MOST:,} of them" if len(found) > MOST else cut
    return Lines(tuple(reversed(found[:MOST])), cut)


def _shown(line: str) -> str:
    """Of what a progress bar wrote over and over the last state."""
    state = line.rstrip("\r").rpartition("\r")[2]
    plain = _ESCAPE.sub("", state[:RAW]).translate(_CONTROL)
    return plain if len(plain) <= LONGEST and len(state) <= RAW else f"{plain[:LONGEST]} …"


def _found(parts: Iterable[str], word: str) -> Iterator[Line]:
    """Lines with that word, which is in small letters; they are marked until there are marks enough."""
    left = MARKS
    for part in parts:
        line = _shown(part)
        low = _low(line)
        if word in low:
            pieces = _pieces(line, low, word, min(HITS, left))
            left -= len(pieces) // 2
            yield Line(pieces)


def _pieces(line: str, low: str, word: str, most: int) -> tuple[str, ...]:
    """abcabd, searched for b: a, b, ca, b, d. What is found after so many hits stays unmarked."""
    pieces, at = list[str](), 0
    while len(pieces) < 2 * most and (hit := low.find(word, at)) >= 0:
        pieces += [line[at:hit], line[hit : hit + len(word)]]
        at = hit + len(word)
    return (*pieces, line[at:])


def _low(text: str) -> str:
    """In small letters, each at the place of its own: a few become two, and are left as they are."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)
