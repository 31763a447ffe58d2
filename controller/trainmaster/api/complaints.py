"""Pydantic's findings as sentences for the person who wrote the document.

Lives here: one small function per kind of finding, and the search for the nearest known word. Never here: rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from trainmaster.api import acls, base, failure_rules, job, messages, schema
from trainmaster.api.foreign import FOREIGN
from trainmaster.api.status import FieldProblem
from trainmaster.api.yaml_tree import Path, Tree

MISSING = "must be given"
_LONGEST = 80
"""characters of an offending value that are shown"""
_KEY_MARK = "[key]"
"""pydantic's own last step of a path, where the key of a map is meant"""

PATTERNS: Mapping[str, str] = {
    job.JOB_NAME: messages.JOB_NAME,
    job.NAMESPACE_NAME: messages.NAMESPACE_NAME,
    base.ROLE_NAME: messages.ROLE_NAME,
    base.ENV_NAME: messages.ENV_NAME,
    job.FILE_NAME: messages.FILE_NAME,
    job.USER_NAME: messages.USER_NAME,
    acls.USER: messages.ACL_USER,
    acls.GROUP: messages.GROUP_NAME,
    failure_rules.STDERR_PATTERN: messages.NO_PATTERN,
}

Finding = Mapping[str, Any]
"""one of pydantic's error details: type, loc, msg, input, ctx"""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, as far as a sentence about it needs."""

    path: Path
    value: object
    shown: str
    """the value as it was written, shortened"""
    message: str
    """pydantic's own words"""
    context: Mapping[str, Any]
    """limits and choices"""


def complaint(finding: Finding, tree: Tree) -> FieldProblem:
    """One finding with its field, its value, a sentence and its line."""
    path = location(finding)
    missing = finding["type"] == "missing"
    shown = "" if missing else shortened(finding["input"], tree, path)
    found = Found(path, finding["input"], shown, finding["msg"], finding.get("ctx", {}))
    reason = SENTENCES.get(finding["type"], _as_pydantic_says)(found)
    return FieldProblem(field=written(path), value=shown, reason=reason, line=tree.line(path))


def location(finding: Finding) -> Path:
    """The path of the value that was found wrong."""
    loc: Path = tuple(finding["loc"])
    marked = (
        loc[-1:] == (_KEY_MARK,) and finding["type"] != "extra_forbidden"
    )  # which is about a name that somebody wrote
    return loc[:-1] if marked else loc


def written(path: Path) -> str:
    """A path as people write it: spec.roles.worker.env[0].name."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{cut(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def parsed(path: str) -> Path:
    """The steps of a path as `written` wrote it."""
    steps = path.replace("[", ".[").split(".")
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in steps if step)


def shortened(value: object, tree: Tree, path: Path) -> str:
    """A value as it was written, cut to a length that can be shown."""
    if isinstance(value, list | tuple | dict):
        return f"a list of {len(value)}" if not isinstance(value, dict) else f"a mapping of {len(value)}"
    mark = tree.marks.get(path)
    text = mark.text if mark and mark.text else "null" if value is None else str(value)
    return cut(text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that this one was probably meant to be; empty if none is near."""
    by_lower = {k.lower(): k for k in known}
    found = get_close_matches(word.lower()[:_LONGEST], by_lower, n=1, cutoff=0.65)
    return by_lower[found[0]] if found else ""


def cut(text: str) -> str:
    """The text in one line that can be shown, shortened."""
    line = text if text.isprintable() else repr(text)[1:-1]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _unknown_field(found: Found) -> str:
    *parent, name = found.path
    known = _declared(tuple(parent))
    unknown = f"unknown field {cut(str(name))!r}"
    if cure := FOREIGN.get(str(name)):
        return f"{unknown}: {cure}"
    if near := nearest(str(name), known):
        return f"{unknown}: did you mean {near!r}?"
    if elsewhere := _place_of(str(name)):
        return f"{unknown} here: did you mean {elsewhere}?"
    return f"{unknown}; known here: {', '.join(known)}" if known else unknown


def _declared(path: Path) -> list[str]:
    """The fields that a person may declare below this path."""
    known = (schema.at(path) or {}).get("properties", {})
    return [name for name in known if path or name != "status"]


def _place_of(name: str) -> str:
    """Where in the declaration a field of about this name stands; empty if nowhere, or in several places."""
    spec = schema.job_schema()["properties"]["spec"]
    places = [path for path, _ in schema.field_paths(spec, ("spec",)) if path[-1] not in ("[]", "<name>")]
    near = nearest(name, {path[-1] for path in places})
    found = [written(path) for path in places if path[-1] == near]
    return found[0] if len(found) == 1 else ""


def _text(found: Found) -> str:
    value = found.value
    if isinstance(value, bool | int | float):
        return f'must be text: put it in quotes, "{found.shown}"'
    return _instead("must be text", value)


def _whole_number(found: Found) -> str:
    value = found.value
    if isinstance(value, str) and value.strip().isdigit():
        return f"must be a whole number: write {value.strip()[:_LONGEST]} without quotes"
    return _instead("must be a whole number", value)


def _truth(found: Found) -> str:
    return _instead("must be true or false", found.value)


def _list(found: Found) -> str:
    return _instead("must be a list", found.value)


def _fields(found: Found) -> str:
    return _instead("must be a mapping of fields", found.value)


def _instead(wanted: str, value: object) -> str:
    match value:
        case None:
            return f"{wanted}, and nothing is given"
        case dict():
            return f"{wanted}, not a mapping"
        case list():
            return f"{wanted}, not a list"
        case _:
            return f"{wanted}, not {cut(str(value))!r}"


def _choice(found: Found) -> str:
    known = (schema.at(found.path) or {}).get("enum", ())
    near = nearest(str(found.value), known)
    hint = f": did you mean {near!r}?" if near else ""
    return f"must be one of {', '.join(known)}{hint}"


def _pattern(found: Found) -> str:
    pattern = found.context["pattern"]
    return PATTERNS.get(pattern, f"doesn't match {pattern}")


def _own_words(found: Found) -> str:
    return str(found.context["error"])


def _too_many(found: Found) -> str:
    most, actual = found.context["max_length"], found.context["actual_length"]
    what, cure = "entries", ""
    if isinstance(found.value, str):
        what = "characters"
        cure = ": bring the script in by `files`, and call it here" if found.path[-1:] == ("command",) else ""
    return (
        f"has {actual} {what}, and may have {most}{cure}" if actual else f"has more than {most} {what}{cure}"
    )


def _as_pydantic_says(found: Found) -> str:
    return found.message[:1].lower() + found.message[1:]


def _says(template: str) -> Callable[[Found], str]:
    """A sentence with the limit filled in."""
    return lambda found: template.format(**found.context)


SENTENCES: Mapping[str, Callable[[Found], str]] = {
    "extra_forbidden": _unknown_field,
    "missing": _says(MISSING),
    "string_type": _text,
    "int_type": _whole_number,
    "int_from_float": _whole_number,
    "bool_type": _truth,
    "tuple_type": _list,
    "dict_type": _fields,
    "model_type": _fields,
    "model_attributes_type": _fields,
    "enum": _choice,
    "literal_error": _choice,
    "string_pattern_mismatch": _pattern,
    "value_error": _own_words,
    "too_long": _too_many,
    "too_short": _says("needs at least {min_length}"),
    "string_too_short": _says("must not be empty"),
    "string_too_long": _says("is longer than {max_length} characters"),
    "greater_than_equal": _says("must be at least {ge}"),
    "less_than_equal": _says("must be at most {le}"),
    "string_unicode": _says("holds half a character (a surrogate)"),
}
"""by pydantic's own name of the kind: https://docs.pydantic.dev/latest/errors/validation_errors/"""
