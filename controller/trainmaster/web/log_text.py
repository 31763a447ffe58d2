"""A piece of a log as lines that a page can show: progress bars in their last state, no colours, no control characters. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 4_000
"""letters of a line that are shown"""
MOST: Final = 20_000
"""lines that are shown: the last ones"""

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
"""colours, moves and titles of terminals"""
_UNSEEN = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROL = dict.fromkeys(_UNSEEN, " ")
"""what can't be seen, and what turns the direction of writing; all but the tabulator and the ends of lines"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, in pieces: every second one is what was searched for."""

    pieces: tuple[str, ...]


def lines(content: bytes, whole: bool, find: str = "") -> list[Line]:
    """The lines of this piece, or those that hold a word. `whole` says whether it begins at the beginning of the file: else its
    first line is a part of one, and left out."""
    text = content.decode(errors="replace")
    if not whole:
        text = text.partition("\n")[2]
    found = [_shown(line) for line in text.removesuffix("\n").split("\n")] if text else []
    if find:
        pattern = re.compile(re.escape(find), re.IGNORECASE)
        return [Line(_pieces(pattern, line)) for line in found if pattern.search(line)][-MOST:]
    return [Line((line,)) for line in found[-MOST:]]


def _shown(line: str) -> str:
    """Of what a progress bar wrote over and over the last state."""
    states = [state for state in line.split("\r") if state]
    plain = _ESCAPE.sub("", states[-1] if states else "").translate(_CONTROL)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} …"


def _pieces(pattern: re.Pattern[str], line: str) -> tuple[str, ...]:
    """abcabd, searched for b: a, b, ca, b, d."""
    pieces, at = [], 0
    for hit in pattern.finditer(line):
        pieces += [line[at : hit.start()], hit.group()]
        at = hit.end()
    return (*pieces, line[at:])
