"""Pauses between questions to NodeManagers that have nothing to say. Times are monotonic. Never here: a question."""

from __future__ import annotations


class Silence:
    """How long a NodeManager that has nothing to say of what isn't listed is left in peace: longer each time."""

    LEAST, MOST = 0.5, 10.0

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, float]] = {}
        """node -> (monotonic time, the pause that ends then)"""

    def over(self, node: str, now: float) -> bool:
        return now >= self._until.get(node, (0.0, 0.0))[0]

    def heard(self, node: str, now: float, news: bool) -> None:
        """It was asked, and either told something new or not."""
        self._until.pop(node, None) if news else self._longer(node, now)

    def _longer(self, node: str, now: float) -> None:
        pause = min(self.MOST, 2 * self._until.get(node, (0.0, self.LEAST / 2))[1])
        self._until[node] = (now + pause, pause)
