"""The form of one value in CEL: the API server says it in the sentence of the models, and not as a regular expression.

Lives here: which pattern is told by which sentence, and where. Never here: a rule across fields (cel.py).
Resources have no type on the API server, so CEL doesn't see what is in them: crd_schema.py tells their forms. So does it those
of durations: before Kubernetes 1.34 the server takes a number-or-text for a text of 3 MB whatever its `maxLength`
(apiserver's pkg/cel/common/schemas.go), and a pattern as long as theirs on such a text for more than a rule may cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trainmaster.api import messages, schema
from trainmaster.api.cel_rule import Place, Rule, text
from trainmaster.api.complaints import PATTERNS
from trainmaster.api.policies import ALL

SENTENCES: Mapping[str, str] = {
    **PATTERNS,
    ALL: messages.NO_MIN_AVAILABLE,
}
"""pattern -> what is said where it isn't met"""
UNSEEN = ("spec", "roles", "<name>", "resources")
"""what CEL doesn't see"""


def forms() -> Iterator[Rule]:
    """A rule for each text of a declaration whose form has a sentence."""
    for place, pattern in told():
        message = SENTENCES[pattern]
        values = {"value": '"\'" + self + "\'"'} if "{value}" in message else {}
        yield Rule(place, _has("self", pattern), message, values)


def told() -> Iterator[tuple[Place, str]]:
    """Where such a text stands, and its pattern."""
    for place, node in schema.field_paths(schema.job_schema()):
        for at, text_ in ((place, node), ((*place, "[]"), node.get("items", {}))):
            pattern = text_.get("pattern", "")
            if pattern in SENTENCES and place[0] == "spec" and place[: len(UNSEEN)] != UNSEEN:
                yield at, pattern


DURATION_LETTERS = "^[0-9.dhms]+$"


def is_duration(value: str) -> str:
    """CEL of whether it can be one; a rule that reckons with it must not be asked before."""
    return f"type({value}) == int || {value}.matches({text(DURATION_LETTERS)})"


def _has(value: str, pattern: str) -> str:
    number = f"type({value}) == int || " if pattern == ALL else ""
    return f"{number}{value}.matches({text(pattern)})"
