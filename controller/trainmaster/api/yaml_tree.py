"""From YAML text to plain values and the line of each, in one pass and within limits.

Lives here: reading events of PyYAML (the C parser where it was built in) without recursion, so that no text can
exhaust memory or stack. Never here: what the values mean.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

MAX_TEXT = 2**20
"""bytes of one document"""
MAX_VALUES = 50_000
"""values of one document, those that aliases repeat counted each time"""
MAX_DEPTH = 32

Path = tuple[str | int, ...]
"""keys and indexes from the root to one value"""

MERGE = "<<"
NO_MAPPING = f"{MERGE} takes over the fields of a mapping that was named before: write {MERGE}: *name"
TAB = "a tab indents this line: YAML wants spaces"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_TAGS = (None, *_TEXT_TAGS, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    spelling: truth
    for words, truth in ((("true", "yes", "on"), True), (("false", "no", "off"), False))
    for word in words
    for spelling in (word, word.capitalize(), word.upper())
}
"""what kubectl takes for nothing, true and false, when not quoted"""
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands in the text, and how it was written (scalars only)."""

    line: int
    """from 1"""
    text: str = ""


@dataclass(frozen=True, slots=True)
class TextProblem:
    """Something wrong with the text itself."""

    line: int
    reason: str
    path: Path = ()


@dataclass(slots=True)
class Tree:
    """One document: its value and the marks of everything in it."""

    value: object = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[TextProblem] = field(default_factory=list)

    def mark(self, path: Path) -> Mark:
        """The mark of this value, or of the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, Mark(1))

    def line(self, path: Path) -> int:
        """The line of this value, or of the nearest one around it; 0 where there is no text."""
        return self.mark(path).line if self.marks else 0


def read_tree(text: str) -> Tree:
    """The one document of a YAML text. Never raises for bad input: `problems` says what is wrong."""
    reader = _Reader()
    try:
        if len(text.encode()) > MAX_TEXT:
            return _broken(Tree(), 1, f"the text is longer than {MAX_TEXT // 1024} KiB")
        reader.read(yaml.parse(text, Loader=LOADER))
    except _UnreadableError as error:
        return _broken(reader.tree, error.line, str(error))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and _indented_by_tab(text, mark.line):
            return _broken(reader.tree, mark.line + 1, TAB)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return _broken(reader.tree, mark.line + 1 if mark else 1, f"not YAML: {said}")
    except yaml.reader.ReaderError as error:
        # Its position counts bytes or characters, depending on the parser: look for the place again.
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        return _broken(
            reader.tree, _line_of(text, found.start() if found else 0), f"not YAML: {error.reason}"
        )
    except UnicodeEncodeError as error:
        return _broken(reader.tree, _line_of(text, error.start), "holds half a character (a surrogate)")
    except (ValueError, OverflowError):  # from PyYAML's own parser, where the C one is missing
        return _broken(reader.tree, 1, "not YAML: holds an escape that stands for no character")
    return reader.tree


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _indented_by_tab(text: str, line: int) -> bool:
    """Whether a tab stands before the first word of this line, from 0."""
    lines = text.split("\n")
    return line < len(lines) and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]


def _broken(tree: Tree, line: int, reason: str) -> Tree:
    return Tree(problems=[*tree.problems, TextProblem(line, reason)])


SECOND = "a second document begins here, where one is wanted"


class _UnreadableError(Exception):
    """The text can't be read further; `line` says where."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being filled."""

    value: list[object] | dict[str, object]
    path: Path
    anchor: str | None
    before: int
    """values counted before it began"""
    key: str | None = None
    """of the value that comes next; None while a key is awaited"""
    merges: bool = False
    """whether a key of it is YAML's merge key, unquoted"""


class _Reader:
    """Builds one tree from parser events."""

    def __init__(self) -> None:
        self.tree = Tree()
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._count = 0
        self._seen_content = False

    def read(self, parsed: Iterable[Any]) -> None:
        """Take all events in. Raises _UnreadableError and what PyYAML raises."""
        for event in parsed:
            line = event.start_mark.line + 1
            match event:
                case events.ScalarEvent():
                    self._scalar(event, line)
                case events.MappingStartEvent():
                    self._begin({}, event, line)
                case events.SequenceStartEvent():
                    self._begin([], event, line)
                case events.MappingEndEvent() | events.SequenceEndEvent():
                    self._end()
                case events.AliasEvent():
                    self._alias(event.anchor or "", line)

    def _scalar(self, event: Any, line: int) -> None:
        if not self._open and not event.value and event.implicit[0]:
            return  # an empty document, such as behind a closing ---
        self._check_tag(event.tag, line)
        plain = event.implicit[0] and event.tag not in _TEXT_TAGS
        if self._takes_key():
            self._key(event.value, line)
            self._open[-1].merges |= event.value == MERGE and plain
            return
        value = _plain_value(event.value) if plain else event.value
        path = self._place(value, line, 1)
        at_key = self.tree.marks.get(path, Mark(line))
        self.tree.marks[path] = Mark(at_key.line, event.value)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)

    def _begin(self, value: list[object] | dict[str, object], event: Any, line: int) -> None:
        self._check_tag(event.tag, line)
        if self._takes_key():
            raise _UnreadableError(line, "a list or mapping can't be a key")
        if len(self._open) >= MAX_DEPTH:
            raise _UnreadableError(line, f"nested deeper than {MAX_DEPTH} levels")
        before = self._count
        path = self._place(value, line, 1)
        self.tree.marks.setdefault(path, Mark(line))
        self._open.append(_Open(value, path, event.anchor, before))

    def _end(self) -> None:
        ended = self._open.pop()
        if ended.merges and isinstance(ended.value, dict):
            self._merge(ended.value, ended.path)
        if ended.anchor:
            self._anchors[ended.anchor] = (ended.value, self._count - ended.before)

    def _merge(self, value: dict[str, object], path: Path) -> None:
        """`<<: *base` gives a mapping what it lacks itself; of several the first is the strongest."""
        keys = list(value)
        at = self.tree.mark((*path, MERGE)).line
        given = value.pop(MERGE)
        for merged in given if isinstance(given, list) else [given]:
            if not isinstance(merged, dict):
                raise _UnreadableError(at, NO_MAPPING)
            if twice := next((key for key in keys[: keys.index(MERGE)] if key in merged), None):
                # kubectl's reader takes whichever comes last, YAML's own rule the mapping's own
                reason = f"{twice[:80]!r} stands here, and {MERGE} brings another: write {MERGE} first, and what stands here wins"
                self.tree.problems.append(TextProblem(at, reason, path))
            for key in merged.keys() - value.keys():
                self.tree.marks[*path, key] = Mark(at)
            value |= {key: below for key, below in merged.items() if key not in value}

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            raise _UnreadableError(line, f"the alias *{anchor} stands for nothing that was named before it")
        if self._takes_key():
            raise _UnreadableError(line, "an alias can't be a key")
        value, size = self._anchors[anchor]
        path = self._place(value, line, size)
        self.tree.marks.setdefault(path, Mark(line))

    def _takes_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _key(self, key: str, line: int) -> None:
        holder = self._open[-1]
        path = (*holder.path, key)
        if isinstance(holder.value, dict) and key in holder.value:
            first = self.tree.mark(path).line
            self.tree.problems.append(
                TextProblem(line, f"{key[:80]!r} stands here twice, first on line {first}", path)
            )
        holder.key = key
        self._add(1, line)
        self.tree.marks[path] = Mark(line)

    def _place(self, value: object, line: int, size: int) -> Path:
        """Put a value where it belongs; returns its path."""
        self._add(size, line)
        if not self._open:
            self._start_document(value, line)
            return ()
        holder = self._open[-1]
        if isinstance(holder.value, list):
            holder.value.append(value)
            return (*holder.path, len(holder.value) - 1)
        key, holder.key = holder.key or "", None
        holder.value[key] = value
        return (*holder.path, key)

    def _start_document(self, value: object, line: int) -> None:
        if self._seen_content:
            raise _UnreadableError(line, SECOND)
        self._seen_content = True
        self.tree.value = value

    def _add(self, size: int, line: int) -> None:
        self._count += size
        if self._count > MAX_VALUES:
            raise _UnreadableError(line, f"holds more than {MAX_VALUES} values")

    def _check_tag(self, tag: Hashable, line: int) -> None:
        if tag not in _TAGS:
            raise _UnreadableError(line, f"the tag {str(tag)[:80]!r} isn't read here: write plain values")


def _plain_value(text: str) -> object:
    """What an unquoted scalar stands for: as kubectl reads it, but dates, octals and 12:30 stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
