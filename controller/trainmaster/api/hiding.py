"""What looks like a secret in a command or an address, hidden: what follows a word such as --token or password, who logs in to
a URL, a bearer token, `-u name:password`. Pure.

That is a help against a look over the shoulder and no wall: who may see a job's page is access.py's. Rather too much is hidden
than too little. All of it takes time in proportion to the text, which may be 64 KiB of one letter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import AfterValidator

HIDDEN: Final = "(hidden)"
_WORDS: Final = (
    "token|secret|passwd|password|passphrase|[-_]pwd|credential|authorization|bearer|cookie|signature"
    "|api[-_]?key|access[-_]?key|account[-_]?key|private[-_]?key"
)
_SPACE: Final = r"(?:\s|\\\r?\n)"
"""or a line that goes on in the next one. However many there are, they are gone through once: `*+` never goes back."""
_QUOTE: Final = r"""(?: '\\'' | '"'"' | \\?["'] )"""
"""also one in a text between such quotes"""
_BEFORE = re.compile(
    rf"""(?ix)
    (?: (?<![\w.-]) (?: [\w.-]{{0,64}}? (?:{_WORDS}) [\w.-]{{0,64}} | sig )
        (?: {_QUOTE}? \]? {_SPACE}*+ [+?]? [=:]{{1,2}} >? {_SPACE}*+
          | {_QUOTE} {_SPACE}*+ , {_SPACE}*+
          | {_QUOTE}? {_SPACE}++ )
        (?: (?:bearer|basic|token|digest|negotiate) {_SPACE}++ | <<< {_SPACE}*+ )?
    | (?<![\w-]) (?: -u | --user | --proxy-user ) (?: = | {_SPACE}*+ ) (?= \S{{1,256}}? : )
    )"""
)
"""what a secret follows"""
_USERINFO = re.compile(
    r"""(?ix) \b ([a-z][a-z0-9+.-]{0,20}://)
    (?: [^\s/]{1,1280} | [^\s/:@]{1,256} : (?!\d{1,5}/) [^\s@]{1,1024} ) @"""
)
"""name and password in a URL, or a token alone; to the last @ before a slash, since a password may hold one. It may hold a slash
too, where no port stands before that."""

_INNER = re.compile(_QUOTE, re.VERBOSE)
_PARTS: Final = {
    "": r"""\\.|(?<!\S)\#[^\n]*|\$?'|\"""",
    "'": "'",
    '"': r'\\.|"',
    "$'": r"\\.|'",
}
"""by the quote that is open: what means something to a shell"""
_QUOTES = {quote: re.compile(parts, re.DOTALL) for quote, parts in _PARTS.items()}
_STOPS = {quote: re.compile(rf"{parts}|\s|[$<>]\(|\$\{{|`", re.DOTALL) for quote, parts in _PARTS.items()}
_BRACKETS = re.compile(r"""\\.|'[^']*+'|"(?:\\.|[^"\\])*+"|(?P<opens>[({])|(?P<closes>[)}])""", re.DOTALL)


def without_secrets(text: str) -> str:
    """A command, an address or a declaration with what looks secret hidden."""
    return without_logins("".join(_pieces(text)))


def without_logins(text: str) -> str:
    """With names and passwords in URLs hidden alone: for sentences and paths, in which words such as token mean others."""
    return _USERINFO.sub(rf"\1{HIDDEN}@", text) if "@" in text else text


Said = Annotated[str, AfterValidator(without_logins)]
"""a sentence or a path of a status or a record"""


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
    """Where the word ends that begins there, between such quotes: quoted parts that adjoin are one word, and what a command in it
    says is."""
    if around and (inner := _INNER.match(text, begins)):
        return _end_of_inner(text, inner.end(), inner[0], around)
    quote, inside, at = around, bool(around), begins
    if not quote and text[at : at + 1] == "(":
        at = _after_brackets(text, at + 1)
    while found := _STOPS[quote].search(text, at):
        at, part = found.end(), found[0]
        if part.isspace():
            if inside or not quote:
                return found.start()
        elif part[-1] in "({`":
            at = _after(text, at, part) if inside or "'" not in quote else at
        elif part[0] not in "\\#":
            if inside and text[at : at + 1].strip() == "":
                return found.start()
            quote, inside = ("" if quote else part), False
    return len(text)


def _after(text: str, at: int, opening: str) -> int:
    """Where what is put in for a command, or for a variable, is over."""
    if opening != "`":
        return _after_brackets(text, at)
    found = re.compile(r"(?<!\\)`").search(text, at)
    return found.end() if found else len(text)


def _after_brackets(text: str, at: int) -> int:
    depth = 1
    for found in _BRACKETS.finditer(text, at):
        depth += bool(found["opens"]) - bool(found["closes"])
        if not depth:
            return found.end()
    return len(text)


def _end_of_inner(text: str, at: int, quote: str, around: str) -> int:
    """Of a quoted text within a quoted one, such as JSON. Where it may as well be the end of the outer one, the line is it."""
    found = re.compile(rf"(?<!\\){re.escape(quote)}").search(text, at)
    line = text.find("\n", at) if quote == around[-1] else -1
    ends = [place for place in (found.end() if found else -1, line) if place >= 0]
    return min(ends, default=len(text))
