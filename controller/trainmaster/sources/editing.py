"""Changes of single fields in a YAML text, with everything else kept as its author wrote it: comments, order, quotes. Pure."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trainmaster.errors import InvalidError

Changes = Mapping[tuple[str, ...], object]
"""path of a field -> its new value, such as ("spec", "runPolicy", "suspend") -> True"""


def edited(text: str, changes: Changes) -> str:
    """The text with these fields set; missing mappings on the way to them are made."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 16  # never fold what the author wrote in one line
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise InvalidError(f"the file is no valid YAML: {error}") from error
    for path, value in changes.items():
        _set(document, path, value)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _set(document: Any, path: tuple[str, ...], value: object) -> None:
    *parents, last = path
    node = document
    for part in parents:
        if not isinstance(node, dict):
            break
        if node.get(part) is None:
            node[part] = {}
        node = node[part]
    if not isinstance(node, dict):
        raise InvalidError(f"{'.'.join(path)}: what stands above it is not a mapping")
    node[last] = value
