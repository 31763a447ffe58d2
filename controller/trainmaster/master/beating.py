"""Which jobs heartbeat, and what they wait for: the more there are, the more slowly the calm ones beat (desk.py).

Each says so itself when it works out its next beat, so that nobody has to go through all of them.
"""

from __future__ import annotations


class Beating:
    """The ledger, by uid."""

    def __init__(self) -> None:
        self.holding: set[str] = set()
        """those that hold containers"""
        self.idle: set[str] = set()
        """those that hold none"""
        self.expecting: set[str] = set()
        """those of all these that wait for something of YARN"""
        self._noted: dict[str, tuple[bool, bool]] = {}
        """what each has said last: mostly the same"""

    def note(self, uid: str, *, holds: bool, expects: bool) -> None:
        """As this job stands now."""
        if self._noted.get(uid) == (holds, expects):
            return
        self._noted[uid] = holds, expects
        for jobs, among in ((self.holding, holds), (self.idle, not holds), (self.expecting, expects)):
            jobs.add(uid) if among else jobs.discard(uid)

    def forget(self, uid: str) -> None:
        """It doesn't heartbeat (any more)."""
        self._noted.pop(uid, None)
        for jobs in (self.holding, self.idle, self.expecting):
            jobs.discard(uid)
