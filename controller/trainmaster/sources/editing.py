"""Changes of single fields in a YAML text: what they don't name stays as its author wrote it, byte for byte. Pure.

The text is never written anew from values, since no YAML writer gives back dates, quotes and anchors as they were: the new
word is put in its place, and the result is read again. What then differs in anything but the fields named is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from trainmaster.api.complaints import written
from trainmaster.api.yaml_tree import Path, read_tree
from trainmaster.errors import InvalidError
from trainmaster.sources.yaml_places import Place, places
from trainmaster.sources.yaml_text import Plain, as_word, in_flow

Changes = Mapping[tuple[str | int, ...], Plain]
"""path of a field -> its new value, such as ("spec", "runPolicy", "suspend") -> True; the index behind the last entry of a list
adds one"""

BOM = "\ufeff"


def edited(text: str, changes: Changes) -> str:
    """The text with these fields set; missing mappings on the way to them are made."""
    mark, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    for path, value in changes.items():
        text = _set(text, path, value)
    return mark + text


def _set(text: str, path: Path, value: Plain) -> str:
    before = read_tree(text)
    if before.problems:
        raise InvalidError(f"line {before.problems[0].line}: {before.problems[0].reason}")
    wanted = _canonical(_with(before.value, path, path, value))
    if _canonical(before.value) == wanted:
        return text
    for changed in _spliced(text, path, value):
        after = read_tree(changed)
        if not after.problems and _canonical(after.value) == wanted:
            return changed
    raise InvalidError(f"{written(path)} can't be changed without changing more of the file: edit it by hand")


def _canonical(value: object) -> str:
    """By this 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


def _with(value: object, path: Path, whole: Path, new: object) -> object:
    """The value with `new` at this path."""
    if not path:
        return new
    step, *rest = path
    if value is None:
        value = [] if isinstance(step, int) else {}
    if isinstance(step, int) and isinstance(value, list) and step <= len(value):
        old = value[step] if step < len(value) else None
        return [*value[:step], _with(old, tuple(rest), whole, new), *value[step + 1 :]]
    if isinstance(step, str) and isinstance(value, dict):
        return {**value, step: _with(value.get(step), tuple(rest), whole, new)}
    raise InvalidError(f"{written(whole)}: what stands above it is not a {_kind(step)}")


def _kind(step: str | int) -> str:
    return "list" if isinstance(step, int) else "mapping"


def _spliced(text: str, path: Path, value: Plain) -> Iterator[str]:
    """The text with the change at the places where it may go, the best first."""
    place, rest = _nearest(places(text), path)
    if not rest or place.empty:
        new = _nested(rest, value)
        word = in_flow(new) if isinstance(new, dict | list) else as_word(new, place.style, place.flow)
        gap = " " if place.start == place.end else ""
        end = "\n" if text[place.start : place.end].endswith("\n") else ""
        yield f"{text[: place.start]}{gap}{word}{end}{text[place.end :]}"
    elif place.braces:
        yield _into_flow(text, place, rest, value)
    elif place.children:
        yield from _into_block(text, place, rest, value)


def _nearest(root: Place, path: Path) -> tuple[Place, Path]:
    """The place of this path, or the nearest one around it and the steps that are missing below it."""
    place = root
    for at in range(len(path) + 1):
        _must_stand_alone(place, path[:at], path)
        below = place.children.get(path[at]) if at < len(path) else None
        if below is None:
            return place, path[at:]
        place = below
    return place, ()


def _must_stand_alone(place: Place, at: Path, path: Path) -> None:
    """An edit of what is used twice would change more than it says."""
    if place.alias:
        cure = "write out what it stands for, then try again"
        raise InvalidError(f"{written(path)}: {written(at)} is the alias *{place.alias}: {cure}")
    if place.shared:
        cure = "write the other out, then try again"
        raise InvalidError(f"{written(path)}: {written(at)} is used elsewhere as *{place.shared}: {cure}")


def _nested(path: Path, value: Plain) -> Plain:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def _into_flow(text: str, place: Place, rest: Path, value: Plain) -> str:
    """Behind the last entry between braces."""
    item = in_flow(_nested(rest[1:], value))
    entry = item if isinstance(rest[0], int) else f"{in_flow(rest[0])}: {item}"
    last = list(place.children.values())[-1:]
    at = last[0].end if last else place.end - 1
    return f"{text[:at]}{', ' if last else ''}{entry}{text[at:]}"


def _into_block(text: str, place: Place, rest: Path, value: Plain) -> Iterator[str]:
    """On a line of its own behind the last entry; else before the first."""
    first = next(iter(place.children.values())).entry
    column = first - (text.rfind("\n", 0, first) + 1)
    line_end = "\r\n" if "\r\n" in text else "\n"
    lines = line_end.join(_block_lines(rest, value, " " * column))
    last = place.last_end
    at = last if text[:last].endswith("\n") else text.find("\n", last) + 1
    if at:
        yield f"{text[:at]}{lines}{line_end}{text[at:]}"
    else:
        yield f"{text}{line_end}{lines}"
    yield f"{text[:first]}{lines.lstrip()}{line_end}{' ' * column}{text[first:]}"


def _block_lines(path: Path, value: Plain, indent: str) -> Iterator[str]:
    step, *rest = path
    if isinstance(step, int):
        yield f"{indent}- {in_flow(_nested(tuple(rest), value))}"
    elif rest and isinstance(rest[0], str):
        yield f"{indent}{as_word(step)}:"
        yield from _block_lines(tuple(rest), value, f"{indent}  ")
    else:
        yield f"{indent}{as_word(step)}: {in_flow(_nested(tuple(rest), value)) if rest else as_word(value)}"
