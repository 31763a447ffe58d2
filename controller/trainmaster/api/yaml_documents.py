"""Where each document of a YAML text begins and ends. Pure: text in, offsets out; what is not named stays byte for byte.

Never here: what a document says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BORDER = re.compile(r"^(?:---(?=\s|$)|\.\.\.(?:\r?\n|(?=\s|$)))", re.MULTILINE)
"""YAML forbids these at the start of a line of anything but a document (c-forbidden, YAML 1.2.2 section 9.1.2)"""


@dataclass(frozen=True, slots=True)
class Span:
    """Where one document stands in its text, as offsets."""

    begin: int
    """of the --- before it; of its own first word where none stands there"""
    start: int
    """of what is its own text, behind the ---"""
    end: int
    line: int
    """how many lines lie before its own text"""

    def of(self, text: str) -> str:
        return text[self.start : self.end]


def spans(text: str) -> tuple[Span, ...]:
    """The documents that say something: comments and nothing between two --- are read over."""
    found, line, counted = [], 0, 0
    for begin, start, end in _parts(text):
        if _says_something(text[start:end]):
            line, counted = line + text.count("\n", counted, start), start
            found.append(Span(begin, start, end, line))
    return tuple(found)


def _parts(text: str) -> Iterator[tuple[int, int, int]]:
    """What stands before a first --- and only directs the reader (`%YAML 1.1`) belongs to what follows."""
    begin = start = 0
    for border in _BORDER.finditer(text):
        if border[0].startswith("..."):
            yield begin, start, border.end()
            begin = start = border.end()
        elif begin < start or not _directs(text[start : border.start()]):
            yield begin, start, border.start()
            begin, start = border.span()
    yield begin, start, len(text)


def _directs(text: str) -> bool:
    """Whether this is nothing but directives and comments."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and all(line.startswith("%") for line in lines)


def _says_something(text: str) -> bool:
    """More than comments and the end of a document."""
    lines = (line.strip() for line in text.splitlines())
    return any(line and not line.startswith("#") and line != "..." for line in lines)
