"""`trainmaster explain FIELD`: one field and those right below it, as text for a terminal."""

from __future__ import annotations

import re
import textwrap

from trainmaster.api import schema
from trainmaster.api.complaints import nearest, written
from trainmaster.api.fields import Field, describe
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.errors import InvalidError

WIDTH = 100
_NAMES = ("trainingjob", "trainingjobs", "tj")
"""what may stand before the path, as in `kubectl explain tj.spec`"""

Steps = tuple[str | int, ...]


def explain(path: str = "") -> str:
    """What a field means: type, default, what an edit does, and the fields below it.

    `path` is written as in a problem (spec.roles.worker.replicas, spec.env[0].name). The key of a map, the index of
    a list and the leading `spec` may be left out; a bare name that stands in several places lists them. Empty for
    the whole. Raises InvalidError for an unknown field, naming the nearest.
    """
    places = _meant(_steps(path))
    if len(places) > 1:
        return (
            "\n".join([f"{path} stands in {len(places)} places:", *(f"  {_shown(p)}" for p in places)]) + "\n"
        )
    field = describe(places[0])
    if field is None:
        raise InvalidError(f"no field {path!r}")
    title = f"{_shown(places[0]) or KIND}  ({API_VERSION})"
    return "\n".join([title, *_about(field), *_below(field)]) + "\n"


def _steps(path: str) -> list[str]:
    steps = [step for step in re.sub(r"\[[^\]]*\]", "", path.strip()).split(".") if step]
    return steps[1:] if steps and steps[0].lower() in _NAMES else steps


def _meant(steps: list[str]) -> list[Steps]:
    """The fields that a person may mean: by the whole path, by one below spec, or by the end of it."""
    for start in ((), ("spec",)):
        done, rest = _walked(start, steps)
        if not rest:
            return [done]
    if ends := [path for path in _all_paths() if path[-len(steps) :] == tuple(steps)]:
        return ends
    done, rest = _walked((), steps)
    raise InvalidError(_unknown(done, rest[0]))


def _walked(done: Steps, steps: list[str]) -> tuple[Steps, list[str]]:
    """How far the steps lead, with the keys and indexes that a person leaves out; and the steps that don't."""
    for i, step in enumerate(steps):
        inside = _into_entry(done, step)
        if schema.at((*inside, step)) is None:
            return inside, steps[i:]
        done = (*inside, step)
    return done, []


def _all_paths() -> list[Steps]:
    paths = (path for path, _ in schema.field_paths(schema.job_schema()))
    return [tuple(0 if step == "[]" else step for step in path) for path in paths]


def _into_entry(done: Steps, step: str) -> Steps:
    """From a list or map to its entries, where the next step is a field of those."""
    node = schema.at(done) or {}
    if "items" in node:
        return (*done, 0)
    entry = node.get("additionalProperties")
    inside = isinstance(entry, dict) and step in entry.get("properties", {})
    return (*done, "<name>") if inside else done


def _unknown(done: Steps, step: str) -> str:
    known = list((schema.at(done) or {}).get("properties", {}))
    anywhere = "" if done else nearest(step, {str(path[-1]) for path in _all_paths()})
    near = nearest(step, known)
    meant = _shown((*done, near)) if near else anywhere
    hint = f"did you mean {meant}?" if meant else f"known here: {', '.join(known) or 'none'}"
    return f"no field {_shown((*done, step))!r}: {hint}"


def _shown(steps: Steps) -> str:
    return written(steps).replace("[0]", "[]")


def _about(field: Field) -> list[str]:
    facts = [("type", field.type), ("required", "yes" if field.required else "")]
    facts += [("default", field.default), ("an edit", field.edit)]
    lines = [f"  {name + ':':<10}{value}" for name, value in facts if value]
    words = [line for word, meaning in field.words for line in _wrapped(f"{word}: {meaning}", "  ", "      ")]
    return [*lines, "", *_wrapped(field.description, "  "), *(["", *words] if words else [])]


def _below(field: Field) -> list[str]:
    lines = ["", "FIELDS"] if field.children else []
    for child in field.children:
        needed = ", required" if child.required else f", default {child.default}" if child.default else ""
        lines += [f"  {child.path}  <{child.type}{needed}>", *_wrapped(child.description, "      ")]
    return lines


def _wrapped(text: str, indent: str, further: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=further or indent, break_on_hyphens=False
    )
