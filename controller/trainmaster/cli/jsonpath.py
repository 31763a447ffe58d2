"""Templates in kubectl's JSONPath: `{.status.state}`, `{range .items[*]}{.metadata.name}{"\\n"}{end}`. Pure.

What scripts for kubectl use: fields, indexes, slices, *, .., unions, filters that compare, range, and quoted text. Never here: a
regular expression, or arithmetic, which kubectl has not either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from trainmaster.errors import InvalidError
from trainmaster.json_text import loads

Found = list[Any]
Step = Callable[[Any], Iterator[Any]]
Piece = Callable[[Any], str]

_BLOCK = re.compile(r"""\{((?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*)\}""")
_FIELD = re.compile(r"\.?((?:[^.\[\]\\\s]|\\.)+)")
_QUOTED = re.compile(r"""["']((?:[^"'\\]|\\.)*)["']""")
_FILTER = re.compile(r"\?\(\s*@(?P<path>[^=!<>\s]*)\s*(?:(?P<word>==|!=|<=|>=|<|>)\s*(?P<value>.+?))?\s*\)")
_BRACKET = re.compile(r"""\[((?:[^\]"']|"[^"]*"|'[^']*')*)\]""")
_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(\d+))?")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def template(text: str) -> Callable[[Any], str]:
    """What a template makes of a value; of what isn't there, nothing. InvalidError for what is no template."""
    pieces, rest = _pieces(_tokens(text), inside=False)
    assert not rest
    return lambda value: "".join(piece(value) for piece in pieces)


def path(text: str) -> Callable[[Any], Found]:
    """All that a path leads to: `.status.state`, `{.status.state}` or `status.state`. InvalidError for what is none."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    steps = _steps(inner)
    return lambda value: _walked(value, steps)


def shown(value: Any) -> str:
    """As kubectl prints it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _tokens(text: str) -> list[tuple[str, str]]:
    """`text` outside of braces, and `block` for each inside."""
    found, at = [], 0
    for match in _BLOCK.finditer(text):
        found += [("text", text[at : match.start()]), ("block", match[1].strip())]
        at = match.end()
    rest = text[at:]
    if "{" in rest or "}" in rest:
        raise InvalidError(f"{text}: a brace is not closed, or not opened")
    return [token for token in [*found, ("text", rest)] if token[1]]


def _pieces(
    tokens: Sequence[tuple[str, str]], *, inside: bool
) -> tuple[list[Piece], Sequence[tuple[str, str]]]:
    """The pieces to the end, or of a range to its `end`, and the tokens behind."""
    pieces: list[Piece] = []
    while tokens:
        (kind, text), tokens = tokens[0], tokens[1:]
        if kind == "text":
            pieces.append(_literal(text))
        elif text == "end":
            if not inside:
                raise InvalidError("{end} without {range}")
            return pieces, tokens
        elif text.startswith("range"):
            inner, tokens = _pieces(tokens, inside=True)
            pieces.append(_range(path(text.removeprefix("range")), inner))
        elif quoted := _QUOTED.fullmatch(text):
            pieces.append(_literal(_unescaped(quoted[1])))
        else:
            pieces.append(_joined(path(text)))
    if inside:
        raise InvalidError("{range} without {end}")
    return pieces, tokens


def _literal(text: str) -> Piece:
    return lambda _: text


def _joined(found: Callable[[Any], Found]) -> Piece:
    return lambda value: " ".join(map(shown, found(value)))


def _range(found: Callable[[Any], Found], inner: Sequence[Piece]) -> Piece:
    return lambda value: "".join(piece(each) for each in found(value) for piece in inner)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), text)


def _walked(value: Any, steps: Sequence[Step]) -> Found:
    found = [value]
    for step in steps:
        found = [below for each in found for below in step(each)]
    return found


def _steps(text: str) -> list[Step]:
    steps: list[Step] = []
    rest = re.sub(r"^[$@]", "", text.strip())
    if rest and rest[0] not in ".[":
        rest = f".{rest}"
    while rest:
        if rest.startswith(".."):
            steps.append(_all_below)
            rest = rest[1:] if rest[2:3] not in {"", "["} else rest[2:]
        elif bracket := _BRACKET.match(rest):
            steps.append(_bracket(bracket[1].strip()))
            rest = rest[bracket.end() :]
        elif rest == ".":
            break
        elif (field := _FIELD.match(rest)) and rest[0] == ".":
            steps.append(_field(re.sub(r"\\(.)", r"\1", field[1])))
            rest = rest[field.end() :]
        else:
            raise InvalidError(f"{text}: {rest} is no JSONPath")
    return steps


def _field(name: str) -> Step:
    if name == "*":
        return _each
    return lambda value: iter([value[name]] if isinstance(value, dict) and name in value else [])


def _each(value: Any) -> Iterator[Any]:
    yield from value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _all_below(value: Any) -> Iterator[Any]:
    yield value
    for each in _each(value):
        yield from _all_below(each)


def _bracket(text: str) -> Step:
    if text.startswith("?"):
        return _filter(text)
    parts = [_part(part.strip()) for part in re.split(r""",(?=(?:[^"']*["'][^"']*["'])*[^"']*$)""", text)]
    return lambda value: (below for part in parts for below in part(value))


def _part(text: str) -> Step:
    """One of a union: a name in quotes, *, an index, or a slice."""
    if quoted := _QUOTED.fullmatch(text):
        return _field(quoted[1])
    if text == "*":
        return _each
    if re.fullmatch(r"-?\d+", text):
        return _index(int(text))
    if found := _SLICE.fullmatch(text):
        first, last, step = (int(number) if number else None for number in found.groups())
        return lambda value: iter(value[first:last:step] if isinstance(value, list) else ())
    raise InvalidError(f"[{text}] is no JSONPath")


def _index(number: int) -> Step:
    def at(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= number < len(value):
            yield value[number]

    return at


def _filter(text: str) -> Step:
    found = _FILTER.fullmatch(text)
    if not found:
        raise InvalidError(f"[{text}] is no filter of JSONPath, such as [?(@.type=='Running')]")
    steps, word = _steps(found["path"]), found["word"]
    wanted = _wanted(found["value"] or "")

    def holds(value: Any) -> bool:
        left = _walked(value, steps)
        if word is None:
            return bool(left)
        return any(type(each) is type(wanted) and _COMPARE[word](each, wanted) for each in left)

    return lambda value: (each for each in _each(value) if holds(each))


def _wanted(text: str) -> Any:
    if quoted := _QUOTED.fullmatch(text):
        return _unescaped(quoted[1])
    try:
        return loads(text)
    except ValueError:
        return text
