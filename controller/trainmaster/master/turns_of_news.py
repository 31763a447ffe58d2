"""Whose status is written next. Never here: the writing.

What somebody waits for goes first: the news of a job that has just come, a new state, an event. A job that is only shown again,
as all are after a start, can wait, but gets a turn now and then. In each of the two lines tenants have turns.
"""

from __future__ import annotations

OFTEN = 8
"""of so many turns one is a calm one's, if any waits"""


class Line:
    """Jobs by tenant: one tenant's flood delays another's by one write."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, None]] = {}

    def add(self, tenant: str, uid: str) -> None:
        self._waiting.setdefault(tenant, {})[uid] = None

    def leave(self, uid: str) -> None:
        for jobs in self._waiting.values():
            jobs.pop(uid, None)

    def next(self) -> str:
        """Whose turn it is, empty when nobody's."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            jobs = self._waiting.pop(tenant)
            if jobs:
                uid = next(iter(jobs))
                del jobs[uid]
                self._waiting[tenant] = jobs  # at the end of the line
                return uid
        return ""


class Turns:
    """Both lines."""

    def __init__(self) -> None:
        self._urgent, self._calm = Line(), Line()
        self._given = 0

    def add(self, tenant: str, uid: str, *, urgent: bool) -> None:
        """Again with `urgent`, it changes over to the first line; one that stands there stays."""
        if urgent:
            self._calm.leave(uid)
        (self._urgent if urgent else self._calm).add(tenant, uid)

    def leave(self, uid: str) -> None:
        self._urgent.leave(uid)
        self._calm.leave(uid)

    def next(self) -> str:
        self._given += 1
        first, then = (self._calm, self._urgent) if self._given % OFTEN == 0 else (self._urgent, self._calm)
        uid = first.next() or then.next()
        self.leave(uid)
        return uid
