"""When to register again though nobody asks for it: only a register lists what came back late, and brings missing tokens.

A ResourceManager that was restarted lists nothing until the NodeManagers are back, and tells of what they brought back by no
heartbeat, however late they come (AbstractYarnScheduler.recoverContainersOnNode); only that a node is back it tells. Until 3.4
a register that lists nothing leaves it thinking that tokens were handed out which nobody has (DefaultAMSProcessor).
Times are monotonic. Never here: the call.
"""

from __future__ import annotations

from trainmaster.master.sight import Sight
from trainmaster.plan.memory import Memory
from trainmaster.plan.survivors import ANYWHERE, may_bring_back

TOKEN_PAUSE = 1.0
"""seconds between two registers for the sake of a token"""
FIRST, MOST = 3.0, 30.0
"""seconds that something must be missing before a register, doubled up to the longest pause between two"""
AFTER_RETURN = (1.0, 6.0)
"""seconds after a node's return: its containers are taken back by a handler of their own, a moment after the news. The last
alone where any node may be one on which something was given up: on a large cluster some come back all the time"""


class Relisting:
    """One master's reasons to register again."""

    def __init__(self) -> None:
        self._registered_at = 0.0
        self._missing_since: float | None = None
        self._pause = FIRST
        self._planned: list[float] = []

    def registered(self, now: float) -> None:
        """A register was made, for whatever reason."""
        self._registered_at = now
        self._planned = [at for at in self._planned if at > now]
        self._pause = min(MOST, 2 * self._pause)

    def due(self, sight: Sight, memory: Memory, now: float) -> bool:
        """Whether a register may bring news now."""
        self._note(sight, memory, now)
        since = now - self._registered_at
        if any(at <= now for at in self._planned) or (sight.lacks_token() and since >= TOKEN_PAUSE):
            return True
        return self._missing_since is not None and min(since, now - self._missing_since) >= self._pause

    def _note(self, sight: Sight, memory: Memory, now: float) -> None:
        if not sight.worth_listing:
            self._missing_since, self._pause = None, FIRST
        elif self._missing_since is None:
            self._missing_since = now
        if sight.nodes.came_back:
            if may_bring_back(memory.given_up, sight.nodes.came_back):
                # Others may come back all the time: what is planned stays, and so does the last return's last register.
                waits = AFTER_RETURN[-1:] if ANYWHERE in memory.given_up else AFTER_RETURN
                self._planned = [*self._planned[:1], *(now + after for after in waits)]
            sight.nodes.came_back.clear()
