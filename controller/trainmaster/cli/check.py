"""`validate` and `explain`: what a declaration may say, without a store or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli.exits import ExitCode
from trainmaster.errors import InvalidError

if TYPE_CHECKING:
    from trainmaster.api.schema import Schema

EDITS = {
    "live": "taken over by a running job as it is",
    "restart": "restarts a running job once, uncharged",
    "immutable": "refused on a job that exists",
}
Path = tuple[str, ...]


def validate(
    files: Annotated[
        list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILE...")
    ],
) -> None:
    """Check declarations without applying them; problems are printed as file:line: field: reason."""
    from trainmaster.cli.documents import check, read_documents

    checked = check(read_documents(files))
    for one in checked:
        for complaint in one.complaints():
            print(complaint)
        if one.job is not None:
            print(f"{one.document.origin}: {one.job.metadata.namespace}/{one.job.metadata.name} is valid")
    if any(one.problems for one in checked):
        raise typer.Exit(ExitCode.INVALID)


def explain(
    field: Annotated[
        str, typer.Argument(help="A field, such as spec.roles.worker.restartPolicy or gang.")
    ] = "",
) -> None:
    """Tell what a field means, its default, and what an edit of it does."""
    paths = _meant(field)
    if len(paths) > 1:
        print(f"{field} stands in {len(paths)} places:")
        for path in paths:
            print("  " + written(path))
        return
    print("\n".join(_explanation(paths[0])))


def written(path: Path) -> str:
    """As people write it: spec.roles.<name>.env[].name."""
    return ".".join(path).replace(".[]", "[]")


def _meant(field: str) -> list[Path]:
    """The full paths that a person may mean: the whole one, one below spec, or a field's bare name."""
    from trainmaster.api.schema import at, field_paths, job_schema

    path = tuple(field.replace("[", ".[").split(".")) if field else ()
    path = tuple("[]" if step.startswith("[") else step for step in path)
    for full in (path, ("spec", *path)):
        if at(tuple(0 if step == "[]" else step for step in full)) is not None:
            return [_general(full)]
    known = [p for p, _ in field_paths(job_schema())]
    ends = sorted(p for p in known if p[-len(path) :] == path)
    if ends:
        return ends
    raise InvalidError(f"no field {field}{_suggestion(path[-1], {p[-1] for p in known})}")


def _general(path: Path) -> Path:
    """The path with the keys of maps written as <name>."""
    from trainmaster.api.schema import job_schema

    general: list[str] = []
    schema: Schema = job_schema()
    for step in path:
        named = step in schema.get("properties", {})
        is_map = not named and isinstance(schema.get("additionalProperties"), dict)
        general.append("<name>" if is_map else step)
        schema = (
            schema["properties"][step]
            if named
            else schema.get("additionalProperties" if is_map else "items", {})
        )
    return tuple(general)


def _suggestion(word: str, known: set[str]) -> str:
    from trainmaster.api.complaints import nearest

    near = nearest(word, known)
    return f"; did you mean {near}?" if near else "; `trainmaster explain` lists them"


def _explanation(path: Path) -> list[str]:
    schema, edit = _found(path)
    lines = [f"FIELD    {written(path) or 'TrainingJob'}", f"TYPE     {_type(schema)}"]
    if "default" in schema:
        lines.append(f"DEFAULT  {_shown(schema['default'])}")
    if edit and path[0] != "status":
        lines.append(f"EDIT     {edit}: {EDITS[edit]}")
    if schema.get("description"):
        lines += ["", f"  {schema['description']}"]
    return lines + _children(schema)


def _found(path: Path) -> tuple[Schema, str]:
    """The field's schema, and what an edit of it does: its own marker, or that of the nearest parent."""
    from trainmaster.api.edits import EDIT_KEY
    from trainmaster.api.schema import child, job_schema

    schema: Schema = job_schema()
    edit = ""
    for step in path:
        schema = child(schema, 0 if step == "[]" else step) or {}
        edit = schema.get(EDIT_KEY, edit)
    return schema, edit


def _children(schema: Schema) -> list[str]:
    inner = schema.get("items") or schema.get("additionalProperties") or schema
    fields = inner.get("properties", {}) if isinstance(inner, dict) else {}
    if not fields:
        return []
    must = set(inner.get("required", ()))
    width = max(map(len, fields))
    lines = ["", "FIELDS"]
    for name, field in fields.items():
        lines.append(f"  {name:<{width}}  {_type(field)}{', required' if name in must else ''}")
        lines += [f"      {field['description']}"] if field.get("description") else []
    return lines


def _type(schema: Schema) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "number or string"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    return f"{kind}{_limits(schema)}"


def _limits(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" ({low} to {high})"
    return f" (at least {low})" if low is not None else ""


def _shown(value: object) -> str:
    import json

    return value if isinstance(value, str) and value else json.dumps(value)
