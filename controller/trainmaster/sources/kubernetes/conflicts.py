"""Whose settings a file would undo, in the words that the store has for it too (sources/owned.py). Pure.

The API server tells the field and, in a sentence, the manager that owns it: `conflict with "trainmaster-scale" using ...`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from trainmaster.sources.kubernetes.api import Object
from trainmaster.sources.kubernetes.errors import Cause
from trainmaster.sources.owned import CURE

APPLIER: Final = "trainmaster-cli"
"""field manager of what a file says; `trainmaster` is the controller's own"""
_COMMAND: Final = "trainmaster-"
_MANAGER = re.compile(r'"([^"]+)"')


def manager(command: str) -> str:
    """The field manager of what a command sets; of what none does, that of files."""
    return f"{_COMMAND}{command}" if command else APPLIER


def undone(causes: Iterable[Cause], before: Object, wanted: Object) -> str:
    """What a conflict comes to, a sentence for each field, and the cure."""
    told = (
        f"{cause.field.removeprefix('.')}: {_owner(cause.message)} set it to {_shown(before, cause.field)}, and the file says "
        f"{_shown(wanted, cause.field)}"
        for cause in causes
    )
    return f"{'; '.join(told)}: {CURE}"


def _owner(message: str) -> str:
    found = _MANAGER.search(message)
    name = found[1] if found else "somebody else"
    own = name.startswith(_COMMAND) and name != APPLIER
    return f"`trainmaster {name.removeprefix(_COMMAND)}`" if own else name


def _shown(document: Object, field: str) -> str:
    """The value at `.spec.roles.worker.replicas`; where a list is on the way, whose entries go by their keys, just its place."""
    value: Any = document
    for step in field.removeprefix(".").split("."):
        if not isinstance(value, dict) or step not in value:
            return "something else" if "[" in field else "nothing"
        value = value[step]
    return json.dumps(value, ensure_ascii=False)
