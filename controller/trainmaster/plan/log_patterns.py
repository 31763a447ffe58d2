"""What a process's last words mean, by the registry of log patterns (log_registry.py): a root, a consequence of another process's
end, or the tearing down that follows on either; whose doing it is; and whether trying again can help.

Never here: a pattern, or what is done about it (first_cause.py, ruling.py, repeats.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from trainmaster.api.failure_rules import holds
from trainmaster.plan.ends import Cause
from trainmaster.plan.last_words import raised, stderr_lines
from trainmaster.plan.log_registry import REGISTRY, Pattern


@dataclass(frozen=True, slots=True)
class Sign:
    """What was recognised in the last words of one process."""

    pattern: Pattern
    line: str
    """the line that says so"""

    @property
    def cause(self) -> Cause | None:
        return self.pattern.cause

    @property
    def fingerprint(self) -> str:
        """The same for the same failure: what differs from try to try (numbers, addresses, folders) is left out."""
        return f"{self.pattern.name}: {_VARIES.sub('#', self.line)[:160]}"


_VARIES = re.compile(r"0x[0-9a-fA-F]+|/[^\s'\",:]+/|\d+")


@lru_cache(1024)  # asked several times of each end: what it was, whether it waits, which is the likeliest
def sign_of(diagnostics: str) -> Sign | None:
    """What the last words in YARN's diagnostics tell; None where nothing in them is known.

    The exception that a program ends with says more than what stands around it.
    """
    lines = stderr_lines(diagnostics)
    if not lines:
        return None
    ended = raised(lines)
    return (_recognised(ended) if ended else None) or _among(lines)


def _among(lines: Sequence[str]) -> Sign | None:
    """The first pattern that any of the lines meets; of these the last line."""
    found = [sign for line in reversed(lines) if (sign := _recognised(line))]
    return min(found, key=lambda sign: _PLACE[sign.pattern.name], default=None)


_PLACE = {pattern.name: at for at, pattern in enumerate(REGISTRY)}


@lru_cache(4096)  # the peers of a process that died say the same
def _recognised(line: str) -> Sign | None:
    return next((Sign(pattern, line) for pattern in REGISTRY if _meets([line], pattern.texts)), None)


def _meets(lines: Sequence[str], texts: Iterable[str]) -> bool:
    return any(holds(lines, text) for text in texts)
