"""One rule in CEL as a resource definition has it: where it stands, what is true of a sound job, and what is said else.

Never here: a rule (cel.py, cel_forms.py), or a sentence of one (messages.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

from trainmaster.api.schema import Schema

Place = tuple[str, ...]
"""steps of a path in the schema as schema.at takes them; any key of a map is <name>, any place in a list []"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, in the form in which a resource definition has it."""

    at: Place
    """the field that `self` is"""
    true: str
    """CEL that is true of a sound job"""
    message: str
    """one of messages.py"""
    values: Mapping[str, str] = field(default_factory=dict)
    """what fills the message: name -> CEL"""
    path: str = ""
    """the field below `self` that is to blame, as .name.name"""
    reason: str = "FieldValueInvalid"
    new_only: bool = False
    """judged when an object is created, never again: for what can't be edited away"""

    def validation(self) -> Schema:
        """An entry of x-kubernetes-validations."""
        found: Schema = {"rule": self.true}
        if self.values:
            found["messageExpression"] = _filled(self.message, self.values)
        else:
            found["message"] = self.message
        if self.path:
            found["fieldPath"] = self.path
        if self.reason != "FieldValueInvalid":
            found["reason"] = self.reason
        if self.new_only:
            found["optionalOldSelf"] = True
        return found


def _filled(message: str, values: Mapping[str, str]) -> str:
    """CEL that makes the sentence of a message."""
    parts = list(Formatter().parse(message))
    form = "".join(words.replace("%", "%%") + ("%s" if name else "") for words, name, _, _ in parts)
    given = ", ".join(values[name] for _, name, _, _ in parts if name)
    return f"{text(form)}.format([{given}])"


def text(words: str) -> str:
    """A text as CEL writes it."""
    return json.dumps(words, ensure_ascii=False)
