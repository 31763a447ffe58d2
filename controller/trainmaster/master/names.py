"""Values of a label that others choose, such as names of queues: bounded in number, so that counters can't grow for ever.

A counter's series stays for as long as the process, whoever it was for. Never here: which label that is.
"""

from __future__ import annotations

OTHER = "(other)"
"""no name of a queue, a user or a namespace"""


class Names:
    """The first so many keep their names."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, name: str) -> str:
        """The name to count it under."""
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(name)
        return name
