"""What a process's last words mean, by the registry of log patterns (log_registry.py): a root, a consequence of another process's
end, or the tearing down that follows on either; whose doing it is; and whether trying again can help.

Never here: a pattern, or what is done about it (first_cause.py, ruling.py, repeats.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from trainmaster.api.failure_rules import holds
from trainmaster.plan.ends import Cause
from trainmaster.plan.last_words import place_of, raised, stderr_lines
from trainmaster.plan.log_registry import REGISTRY, Pattern

READ = 30
"""last lines that are recognised: a traceback's end and what stands around it. A pass hears of hundreds of ends at once"""
WIDE = 300
"""letters of each of them"""
_VARIES = re.compile(r"0x[0-9a-fA-F]+|/[^\s'\",:]+/|\d+")
_PLACE = {pattern.name: at for at, pattern in enumerate(REGISTRY)}
_TEXTS = tuple(
    (pattern, text, max(text.split("*"), key=len)) for pattern in REGISTRY for text in pattern.texts
)
"""each text with the longest part of it that stands there as it is"""

Near = Sequence[tuple[Pattern, str]]
"""patterns that some line may meet, with the text of each that it may be met by"""


@dataclass(frozen=True, slots=True)
class Sign:
    """What was recognised in the last words of one process."""

    pattern: Pattern
    line: str
    """the line that says so"""
    last: bool = True
    """whether the process ended with it: the exception that it died of, or its very last line"""
    place: str = ""
    """file and line of the program where that was raised; empty where no traceback says"""

    @property
    def cause(self) -> Cause | None:
        return self.pattern.cause

    @property
    def fingerprint(self) -> str:
        """The same for the same failure: what differs from try to try (numbers, addresses, folders) is left out."""
        return f"{self.pattern.name}: {_VARIES.sub('#', self.line)[:160]} {self.place}".rstrip()


@lru_cache(1024)  # asked several times of each end: what it was, whether it waits, which is the likeliest
def sign_of(diagnostics: str) -> Sign | None:
    """What the last words in YARN's diagnostics tell; None where nothing in them is known.

    The exception that a program ends with says more than what stands around it.
    """
    lines = [line[:WIDE] for line in stderr_lines(diagnostics)[-READ:]]
    near = _near("\n".join(lines))
    if not near:
        return None
    ended, place = raised(lines), place_of(lines)
    return (_recognised(ended, near, True, place) if ended else None) or _among(lines, near, place)


def _near(text: str) -> Near:
    """Those of the registry that any line can meet at all: most last words are met by none."""
    return tuple((pattern, whole) for pattern, whole, part in _TEXTS if part in text)


def _among(lines: Sequence[str], near: Near, place: str) -> Sign | None:
    """The first pattern that any of the lines meets; of these the last line."""
    found = [sign for line in reversed(lines) if (sign := _recognised(line, near, line is lines[-1], place))]
    return min(found, key=lambda sign: _PLACE[sign.pattern.name], default=None)


def _recognised(line: str, near: Near, last: bool, place: str) -> Sign | None:
    found = next((pattern for pattern, text in near if holds([line], text)), None)
    return Sign(found, line, last, place) if found else None
