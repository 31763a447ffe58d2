"""Where each value of a YAML text begins and ends, without recursion. Pure.

Lives here: offsets, styles, and which values aliases use again. Never here: what the values mean, or changes of the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

from trainmaster.api.yaml_tree import LOADER


@dataclass(slots=True)
class Place:
    """One value in the text."""

    entry: int
    """where its key or its dash begins; its own beginning where it has neither"""
    start: int
    end: int
    flow: bool = False
    """whether it stands between braces or brackets"""
    braces: bool = False
    """whether it is a mapping or list that is written with them"""
    scalar: bool = False
    style: str = ""
    """the quote of a scalar, or | or >"""
    text: str = ""
    alias: str = ""
    """the name of what it stands for, where it is an alias"""
    shared: str = ""
    """the name under which it is used elsewhere"""
    children: dict[str | int, Place] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return self.scalar and not self.style and self.text in {"", "~", "null", "Null", "NULL"}

    @property
    def last_end(self) -> int:
        """Where the last word in it ends: parsers count the comments and empty lines behind a block to it."""
        place = self
        while place.children and not place.braces:
            place = list(place.children.values())[-1]
        return place.end


def places(text: str) -> Place:
    """The root of a text that `read_tree` can read."""
    builder = _Builder(text)
    for event in yaml.parse(text, Loader=LOADER):
        builder.take(event)
    return builder.root


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end hasn't come."""

    place: Place
    mapping: bool
    key: tuple[str, int] | None = None
    """of the value that comes next, and where it begins"""


class _Builder:
    def __init__(self, text: str) -> None:
        self.root = Place(0, 0, 0)
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, Place] = {}

    def take(self, event: Any) -> None:
        match event:
            case events.ScalarEvent() if self._open and self._open[-1].mapping and not self._open[-1].key:
                self._open[-1].key = (event.value, _begin(event))
            case events.ScalarEvent():
                place = self._put(event)
                place.scalar, place.text = True, event.value
                place.style = "" if event.implicit[0] else event.style or ""
            case events.AliasEvent():
                self._alias(event)
            case events.CollectionStartEvent():
                place = self._put(event)
                place.braces = bool(event.flow_style)
                self._open.append(_Open(place, isinstance(event, events.MappingStartEvent)))
            case events.CollectionEndEvent():
                self._open.pop().place.end = _end(event)

    def _alias(self, event: Any) -> None:
        name = self._put(event).alias = event.anchor
        if name in self._anchors:
            self._anchors[name].shared = name

    def _put(self, event: Any) -> Place:
        """The place of a value, below what is open."""
        start, end = _begin(event), _end(event)
        place = Place(start, start, end)
        if self._open:
            self._below(self._open[-1], place)
        elif not self.root.end:
            self.root = place
        if event.anchor and not isinstance(event, events.AliasEvent):
            self._anchors[event.anchor] = place
        return place

    def _below(self, around: _Open, place: Place) -> None:
        place.flow = around.place.flow or around.place.braces
        if around.key is not None:
            key, place.entry = around.key
            around.key = None
            around.place.children[key] = place
            return
        if not place.flow:
            place.entry = max(self._text.rfind("-", 0, place.start), 0)
        around.place.children[len(around.place.children)] = place


def _begin(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
