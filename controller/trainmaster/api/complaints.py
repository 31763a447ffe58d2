"""Pydantic's findings as sentences for the person who wrote the document.

Lives here: one small function per kind of finding, and the search for the nearest known word. Never here: rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from trainmaster.api import job, schema
from trainmaster.api.status import FieldProblem
from trainmaster.api.yaml_tree import Path, Tree

_LONGEST = 80
"""characters of an offending value that are shown"""
_KEY_MARK = "[key]"
"""pydantic's own last step of a path, where the key of a map is meant"""

PATTERNS: Mapping[str, str] = {
    job.JOB_NAME: "must be lower-case letters, digits, - and ., with a letter or digit at both ends",
    job.NAMESPACE_NAME: "must be lower-case letters, digits and -, with a letter or digit at both ends",
    job.ROLE_NAME: "a role's name is lower-case letters, digits and -, begins with a letter and doesn't end with -",
    job.ENV_NAME: "must be letters, digits and _, and not begin with a digit",
    job.FILE_NAME: "must be a plain file name of letters, digits, '.', _ and -, without folders",
    job.USER_NAME: "is no user name: letters, digits and _ . @ $ -, not begun by a digit",
}

Finding = Mapping[str, Any]
"""one of pydantic's error details: type, loc, msg, input, ctx"""


def complaint(finding: Finding, tree: Tree) -> FieldProblem:
    """One finding with its field, its value, a sentence and its line."""
    path = location(finding)
    mark = tree.mark(path)
    sentence = SENTENCES.get(finding["type"], _as_pydantic_says)(finding, tree)
    value = "" if finding["type"] == "missing" else shortened(finding["input"], tree, path)
    return FieldProblem(
        field=written(path), value=value, reason=sentence, line=mark.line if tree.marks else 0
    )


def location(finding: Finding) -> Path:
    """The path of the value that was found wrong."""
    loc: Path = tuple(finding["loc"])
    return loc[:-1] if loc and loc[-1] == _KEY_MARK else loc


def written(path: Path) -> str:
    """A path as people write it: spec.roles.worker.env[0].name."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{cut(step)}" for step in path).removeprefix(
        "."
    )


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
    found = get_close_matches(word.lower()[:_LONGEST], by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else ""


def cut(text: str) -> str:
    """The text in one line that can be shown, shortened."""
    line = text if text.isprintable() else repr(text)[1:-1]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _unknown_field(finding: Finding, tree: Tree) -> str:  # noqa: ARG001 - all sentences are called alike
    *parent, name = location(finding)
    known = _declared(tuple(parent))
    unknown = f"unknown field {cut(str(name))!r}"
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
    """Where in the declaration a field of just this name stands; empty if nowhere, or in more than one place."""
    spec = schema.job_schema()["properties"]["spec"]
    places = [written(path) for path, _ in schema.field_paths(spec, ("spec",)) if path[-1] == name]
    return places[0] if len(places) == 1 else ""


def _missing(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    return "must be given"


def _text(finding: Finding, tree: Tree) -> str:
    value = finding["input"]
    if isinstance(value, bool | int | float):
        shown = shortened(value, tree, location(finding))
        return f'must be text: put it in quotes, "{shown}"'
    return _instead("must be text", value)


def _whole_number(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    value = finding["input"]
    if isinstance(value, str) and value.strip().isdigit():
        return f"must be a whole number: write {value.strip()[:_LONGEST]} without quotes"
    return _instead("must be a whole number", value)


def _truth(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    return _instead("must be true or false", finding["input"])


def _list(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    return _instead("must be a list", finding["input"])


def _fields(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    return _instead("must be a mapping of fields", finding["input"])


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


def _choice(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    known = (schema.at(location(finding)) or {}).get("enum", ())
    near = nearest(str(finding["input"]), known)
    hint = f": did you mean {near!r}?" if near else ""
    return f"must be one of {', '.join(known)}{hint}"


def _pattern(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    pattern = finding["ctx"]["pattern"]
    return PATTERNS.get(pattern, f"doesn't match {pattern}")


def _own_words(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    return str(finding["ctx"]["error"])


def _too_many(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    most, actual = finding["ctx"]["max_length"], finding["ctx"]["actual_length"]
    return f"has {actual} entries, and may have {most}" if actual else f"has more than {most} entries"


def _as_pydantic_says(finding: Finding, tree: Tree) -> str:  # noqa: ARG001
    message = str(finding["msg"])
    return message[:1].lower() + message[1:]


def _says(template: str) -> Callable[[Finding, Tree], str]:
    """A sentence with the limit filled in."""
    return lambda finding, tree: template.format(**finding.get("ctx", {}))  # noqa: ARG005


SENTENCES: Mapping[str, Callable[[Finding, Tree], str]] = {
    "extra_forbidden": _unknown_field,
    "missing": _missing,
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
