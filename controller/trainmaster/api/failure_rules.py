"""One rule of spec.failureRules: which failures it matches, and what follows. As podFailurePolicy of Kubernetes, by role.

Lives here: the model, and how a pattern is matched. A pattern is plain text in which * stands for anything, so it is matched in
one pass over a line: nothing in it could backtrack. Never here: what is wrong between rules (failure_rule_problems.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from trainmaster.api.base import Model, RoleName
from trainmaster.api.words import ExitCodes, FailureAction, FailureCause

LARGEST_CODE = 255
STDERR_PATTERN = r"^[^\x00-\x1f]*[^*\x00-\x20][^\x00-\x1f]*$"
"""one line, with something in it besides * and blanks"""


class OnExitCodes(Model):
    """Exit codes of the process itself: a node that is lost has none."""

    operator: ExitCodes
    """How values are compared with the exit code."""
    values: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=1, le=LARGEST_CODE)], ...],
        Field(min_length=1, max_length=64),
    ]
    """Exit codes from 1 to 255. 128 + n is the signal n."""

    def match(self, code: int) -> bool:
        """Whether this exit code is meant."""
        return 1 <= code <= LARGEST_CODE and (code in self.values) is (self.operator is ExitCodes.IN)


class FailureRule(Model):
    """What follows on some failures. All that it gives must be met: one that gives nothing meets every failure."""

    action: FailureAction
    """What follows."""
    roles: Annotated[tuple[RoleName, ...], Field(max_length=32)] | None = None
    """Roles whose replicas are meant. Left out: all."""
    causes: Annotated[tuple[FailureCause, ...], Field(max_length=32)] | None = None
    """What the end was judged to be. Left out: anything."""
    exit_codes: OnExitCodes | None = None
    """Exit codes of the process. Left out: any, and none."""
    stderr: Annotated[str, Field(pattern=STDERR_PATTERN, max_length=200)] | None = None
    """Text that one of the last lines of stderr holds; * stands for anything. Looked at are the last 2000 characters, as far as
    the NodeManager tells them. Left out: any, and none."""
    charged: Annotated[bool, Field(strict=True)] | None = None
    """Whether the restart counts against runPolicy.backoffLimit and maxRestarts. Left out: as it would without the rule."""
    avoid_node: Annotated[bool, Field(strict=True)] | None = None
    """Whether the job asks for nothing on that node for a while: ten minutes, twice as long with each further time, four hours at
    most. Left out: as it would without the rule."""

    def is_for(self, role: str) -> bool:
        """Whether the failures of a role are meant."""
        return not self.roles or role in self.roles

    @property
    def by_its_words(self) -> bool:
        """Whether it rests on what the program itself said: no process says that because a neighbour died."""
        named = self.exit_codes is not None and self.exit_codes.operator is ExitCodes.IN
        return named or self.stderr is not None


def holds(lines: Sequence[str], pattern: str) -> bool:
    """Whether one of these lines holds the pattern."""
    pieces = [piece for piece in pattern.split("*") if piece]
    return any(_follow(line, pieces) for line in lines)


def _follow(line: str, pieces: Sequence[str]) -> bool:
    """Whether the pieces stand in the line one behind the other. The leftmost place of each leaves most to the next."""
    at = 0
    for piece in pieces:
        found = line.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True
