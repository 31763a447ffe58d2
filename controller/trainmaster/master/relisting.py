"""When to register again though nobody asks for it: only a register lists what came back late, and brings missing tokens.

A ResourceManager that was restarted lists nothing until the NodeManagers are back, and tells of what they brought back by no
heartbeat. Until 3.4 a register that lists nothing leaves it thinking that tokens were handed out which nobody has
(DefaultAMSProcessor). Times are monotonic. Never here: the call.
"""

from __future__ import annotations

from trainmaster.master.sight import Sight

TOKEN_PAUSE = 1.0
"""seconds between two registers for the sake of a token"""
FIRST, MOST = 3.0, 30.0
"""seconds that something must be missing before a register, doubled up to the longest pause between two"""


class Relisting:
    """One master's reasons to register again."""

    def __init__(self) -> None:
        self._registered_at = 0.0
        self._missing_since: float | None = None
        self._pause = FIRST

    def registered(self, now: float) -> None:
        """A register was made, for whatever reason."""
        self._registered_at = now
        self._pause = min(MOST, 2 * self._pause)

    def due(self, sight: Sight, now: float) -> bool:
        """Whether a register may bring news now."""
        if not sight.worth_listing:
            self._missing_since, self._pause = None, FIRST
        elif self._missing_since is None:
            self._missing_since = now
        since = now - self._registered_at
        if sight.lacks_token() and since >= TOKEN_PAUSE:
            return True
        return self._missing_since is not None and min(since, now - self._missing_since) >= self._pause
