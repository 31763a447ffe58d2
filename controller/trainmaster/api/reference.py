"""docs/reference/trainingjob.md, made from the models: every field in tables, one per group of fields."""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.api.complaints import written
from trainmaster.api.fields import Field, describe
from trainmaster.api.job import API_VERSION, KIND

HEADER = f"""<!-- Made from controller/trainmaster/api by `make crds`; edits go there. -->
# {KIND}

`apiVersion: {API_VERSION}`, `kind: {KIND}`. What a person declares stands in `metadata` and `spec`;
`status` is what was seen, and is never read back.

**Sizes** are Kubernetes quantities of bytes (`4G`, `512Mi`, `1.5Gi`), rounded up to MiB. `resources` may also be one
text as in Apache Submarine, `memory=8G,vcores=2,gpu=2`; there sizes are YARN's, and 8G is 8,192 MiB.
**Durations** are `30s`, `5m`, `1h30m`, `2d`, or a number of seconds (on Kubernetes a whole one).

**An edit** of a running job is taken over live, restarts the job once (without counting against any limit), or is
refused: the last column says which. What a user didn't write never restarts a job: not even a new default of a
new release does. Edits after the end change nothing.
"""
_DECLARED = ("| field | type | default | meaning | an edit |", "|---|---|---|---|---|")
_SEEN = ("| field | type | meaning |", "|---|---|---|")


def reference_markdown() -> str:
    """The whole page."""
    parts = [HEADER]
    for path in (("metadata",), ("spec",), ("status",)):
        field = describe(path)
        if field is not None:
            parts += _tables(path, field)
    return "\n".join(parts)


def _tables(path: tuple[str, ...], field: Field) -> Iterator[str]:
    """The field's own table, and those of the groups below it."""
    head, row = (_SEEN, _seen_row) if path[0] == "status" else (_DECLARED, _declared_row)
    rows = "\n".join([*head, *(row(child) for child in field.children)])
    yield f"## `{written(path)}`\n\n{_sentence(field.description)}\n\n{rows}\n"
    for child in field.children:
        if child.children:
            yield from _tables((*path, child.path + _entry(child)), child)


def _entry(field: Field) -> str:
    """What stands for one entry of a list or map in a path."""
    return "[]" if field.type.startswith("list") else ".<name>" if field.type.startswith("map") else ""


def _declared_row(field: Field) -> str:
    name = f"**`{field.path}`**" if field.required else f"`{field.path}`"
    default = "required" if field.required else f"`{field.default}`" if field.default else ""
    return f"| {name} | {_cell(field.type)} | {default} | {_meaning(field)} | {field.edit} |"


def _seen_row(field: Field) -> str:
    return f"| `{field.path}` | {_cell(field.type)} | {_meaning(field)} |"


def _meaning(field: Field) -> str:
    words = "".join(f"<br>`{word}`: {meaning}" for word, meaning in field.words)
    return _cell(field.description) + _cell(words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
