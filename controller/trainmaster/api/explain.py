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

    `path` is written as in a problem (spec.roles.worker.replicas, spec.env[0].name); in maps and lists the key or
    index may be left out (spec.roles.replicas). Empty for the whole. Raises InvalidError for an unknown field,
    naming the nearest.
    """
    steps = _resolved(_steps(path))
    field = describe(steps)
    if field is None:
        raise InvalidError(f"no field {path!r}")
    shown = written(steps) or KIND
    return "\n".join([f"{shown}  ({API_VERSION})", *_about(field), *_below(field)]) + "\n"


def _steps(path: str) -> list[str]:
    steps = [step for step in re.sub(r"\[[^\]]*\]", "", path.strip()).split(".") if step]
    return steps[1:] if steps and steps[0].lower() in _NAMES else steps


def _resolved(steps: list[str]) -> Steps:
    """The steps with the keys and indexes that a person leaves out."""
    done: Steps = ()
    for step in steps:
        done = _into_entry(done, step)
        if schema.at((*done, step)) is None:
            raise InvalidError(_unknown(done, step))
        done = (*done, step)
    return done


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
    near = nearest(step, known)
    hint = f"did you mean {written((*done, near))}?" if near else f"known here: {', '.join(known) or 'none'}"
    return f"no field {written((*done, step))!r}: {hint}"


def _about(field: Field) -> list[str]:
    facts = [("type", field.type), ("required", "yes" if field.required else "")]
    facts += [("default", field.default), ("an edit", field.edit)]
    lines = [f"  {name + ':':<10}{value}" for name, value in facts if value]
    return [*lines, "", *_wrapped(field.description, "  ")]


def _below(field: Field) -> list[str]:
    lines = ["", "FIELDS"] if field.children else []
    for child in field.children:
        needed = ", required" if child.required else f", default {child.default}" if child.default else ""
        lines += [f"  {child.path}  <{child.type}{needed}>", *_wrapped(child.description, "      ")]
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
