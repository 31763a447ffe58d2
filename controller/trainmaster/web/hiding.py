"""What looks like a secret in a command or an address, hidden: what follows a word such as --token or password, who logs in to
a URL, a bearer token, `-u name:password`. Pure.

That is a help against a look over the shoulder and no wall: who may see a job's page is access.py's. Rather too much is hidden
than too little. All of it takes time in proportion to the text, which may be 64 KiB of one letter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

HIDDEN: Final = "(hidden)"
_WORDS: Final = (
    "token|secret|passwd|password|passphrase|[-_]pwd|credential|authorization|bearer|cookie|signature"
    "|api[-_]?key|access[-_]?key|account[-_]?key|private[-_]?key"
)
_SPACE: Final = r"(?:\s|\\\r?\n)"
"""or a line that goes on in the next one"""
_QUOTE: Final = r"""(?: '\\'' | '"'"' | \\?["'] )"""
"""also one in a text between such quotes"""
_BEFORE = re.compile(
    rf"""(?ix)
    (?: (?<![\w.-]) [\w.-]{{0,64}}? (?:{_WORDS}) [\w.-]{{0,64}}
        (?: {_QUOTE}? {_SPACE}{{0,9}} [=:]{{1,2}} >? {_SPACE}{{0,9}}
          | {_QUOTE} {_SPACE}{{0,9}} , {_SPACE}{{0,9}}
          | {_QUOTE}? {_SPACE}{{1,9}} )
        (?: (?:bearer|basic|token|digest|negotiate) {_SPACE}{{1,9}} )?
    | (?<![\w-]) (?: -u | --user | --proxy-user ) (?: = | {_SPACE}{{0,9}} ) (?= \S{{1,256}}? : )
    )"""
)
"""what a secret follows"""
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/]{1,1280}@")
"""name and password in a URL, or a token alone; to the last @ before a slash, since a password may hold one"""

_INNER = re.compile(_QUOTE, re.VERBOSE)
_PARTS: Final = {
    "": r"""\\.|(?<!\S)\#[^\n]*|\$?'|\"""",
    "'": "'",
    '"': r'\\.|"',
    "$'": r"\\.|'",
}
"""by the quote that is open: what means something to a shell"""
_QUOTES = {quote: re.compile(parts, re.DOTALL) for quote, parts in _PARTS.items()}
_STOPS = {quote: re.compile(rf"{parts}|\s", re.DOTALL) for quote, parts in _PARTS.items()}


def without_secrets(text: str) -> str:
    """The same with what looks secret hidden."""
    return _USERINFO.sub(rf"\1{HIDDEN}@", "".join(_pieces(text)))


def _pieces(text: str) -> Iterator[str]:
    changes = list(_quoting(text))
    at = looked = 0
    while found := _BEFORE.search(text, looked):
        begins = looked = found.end()
        end = _end(text, begins, changes[bisect_right(changes, (begins, "\U0010ffff")) - 1][1])
        if end > begins:
            yield text[at:begins]
            yield HIDDEN
            at = looked = end
    yield text[at:]


def _quoting(text: str) -> Iterator[tuple[int, str]]:
    """From which place on which quote is open to a shell."""
    quote, at = "", 0
    yield 0, ""
    while found := _QUOTES[quote].search(text, at):
        at, part = found.end(), found[0]
        if part[0] not in "\\#":
            quote = "" if quote else part
            yield at, quote


def _end(text: str, begins: int, around: str) -> int:
    """Where the word ends that begins there, between such quotes: quoted parts that adjoin are one word."""
    if around and (inner := _INNER.match(text, begins)):
        return _end_of_inner(text, inner.end(), inner[0], around)
    quote, inside, at = around, bool(around), begins
    while found := _STOPS[quote].search(text, at):
        at, part = found.end(), found[0]
        if part.isspace():
            if inside or not quote:
                return found.start()
        elif part[0] not in "\\#":
            if inside and text[at : at + 1].strip() == "":
                return found.start()
            quote, inside = ("" if quote else part), False
    return len(text)


def _end_of_inner(text: str, at: int, quote: str, around: str) -> int:
    """Of a quoted text within a quoted one, such as JSON. Where it may as well be the end of the outer one, the line is it."""
    found = re.compile(rf"(?<!\\){re.escape(quote)}").search(text, at)
    line = text.find("\n", at) if quote == around[-1] else -1
    ends = [place for place in (found.end() if found else -1, line) if place >= 0]
    return min(ends, default=len(text))
