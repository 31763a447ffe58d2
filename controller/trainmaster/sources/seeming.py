"""Which job a text that can't be read seems to declare: by its lines, since it is no YAML. Pure, and a guess.

It says where a problem is told. Never here, nor by this: what a job is, whose it is, or that one has gone.
"""

from __future__ import annotations

import re
from itertools import takewhile

_HEAD = re.compile(r"metadata[ \t]*:[ \t]*(?:#.*)?")
_FIELD = re.compile(r"([ \t]+)(name|namespace)[ \t]*:[ \t]+[\"']?([^\"'#\s]+)[\"']?[ \t]*(?:#.*)?")


def names_in(text: str) -> tuple[str, str]:
    """Namespace and name as the lines of its metadata give them; each is empty where none does, or more than one."""
    lines = _block(text.splitlines())
    indent = next((line[: -len(line.lstrip())] for line in lines), "")
    fields = [match for line in lines if (match := _FIELD.fullmatch(line)) and match[1] == indent]
    found = {field: [match[3] for match in fields if match[2] == field] for field in ("namespace", "name")}
    namespace, name = (values[0] if len(values) == 1 else "" for values in found.values())
    return namespace, name


def _block(lines: list[str]) -> list[str]:
    """What is indented below the one `metadata:`, without comments and empty lines."""
    heads = [number for number, line in enumerate(lines) if _HEAD.fullmatch(line)]
    if len(heads) != 1:
        return []
    below = (line for line in lines[heads[0] + 1 :] if line.strip() and not line.lstrip().startswith("#"))
    return list(takewhile(lambda line: line[0] in " \t", below))
