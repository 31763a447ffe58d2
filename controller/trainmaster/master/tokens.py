"""What opens the NodeManagers: one token per node and application, handed out once and never journalled.

YARN gives a node's token with the first grant there, and all of them with a register that lists containers
(NMTokenSecretManagerInRM, DefaultAMSProcessor). Never here: a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set

TRIES = 3
"""registers, or refusals, after which a container whose node's token is not good counts as beyond our reach"""


class NodeTokens:
    """Tokens of today's application by node, and of earlier ones by container: those are only for asking how it ended."""

    def __init__(self) -> None:
        self._by_node: dict[str, bytes] = {}
        self._given: dict[str, float] = {}
        """by node: when YARN gave that token"""
        self._older: dict[str, bytes | None] = {}
        self._tries: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        """by node: how often it refused what YARN gave, since it took one last"""
        self.version = 0
        """another one after each change"""
        self._oldest = (-1, 0.0)
        """as it was worked out last, and at which version: each picture of all jobs asks for it"""

    def learn(self, tokens: Mapping[str, bytes], now: float) -> None:
        """YARN gave these at `now`, seconds since the epoch."""
        if tokens:
            self._by_node.update(tokens)
            self._given.update(dict.fromkeys(tokens, now))
            self.version += 1

    @property
    def oldest(self) -> float:
        """When YARN gave the oldest of the present ones; 0 where it gave none."""
        version, oldest = self._oldest
        if version != self.version:
            oldest = min(self._given.values(), default=0.0)
            self._oldest = self.version, oldest
        return oldest

    def of(self, container: str, node: str) -> bytes | None:
        """None where YARN gave nothing for it, or what it gave was refused."""
        return self._older[container] if container in self._older else self._by_node.get(node)

    def older(self, container: str) -> bool:
        """Whether it belongs to an earlier application."""
        return container in self._older

    def anew(self, living: Mapping[str, str]) -> None:
        """Another application begins; `living` (container -> node) may still run of the one before."""
        for container, node in living.items():
            self._older.setdefault(container, self._by_node.get(node))
        self._by_node.clear()
        self._given.clear()
        self.version += 1

    def keep(self, living: Set[str], earlier: Iterable[str] = ()) -> None:
        """Nobody asks any more about the others of earlier applications; to `earlier` ones among the living, of which a new
        leader has no token, that of the present application is of no use."""
        kept = {container: token for container, token in self._older.items() if container in living}
        self._older = dict.fromkeys(earlier) | kept

    def refused(self, node: str, token: bytes) -> None:
        """The node doesn't take it (any more): only a register brings another one."""
        if self._by_node.get(node) == token:
            del self._by_node[node], self._given[node]
            self._refusals[node] += 1
            self.version += 1
        self._older = {container: None if t == token else t for container, t in self._older.items()}

    def taken(self, node: str) -> None:
        """The node has let us in."""
        if self._refusals.pop(node, None):
            self.version += 1

    def to_come(self, container: str, node: str) -> bool:
        """Whether the node's token is still to come: not for ever, nor from a node that refuses each."""
        if node in self._by_node:
            return False
        return max(self._tries[container], self._refusals[node]) < TRIES

    def lacking(self, listed: Mapping[str, str]) -> bool:
        """Whether a token is still to come for one of these (container -> node): of thousands mostly none lacks one."""
        nodes = set(listed.values()) - self._by_node.keys()
        return bool(nodes) and any(self.to_come(id_, node) for id_, node in listed.items() if node in nodes)

    def tried(self, listed: Mapping[str, str]) -> None:
        """A register has brought all that it would for these (container -> node)."""
        lacking = {container for container, node in listed.items() if node not in self._by_node}
        self._tries = Counter({container: self._tries[container] + 1 for container in lacking})
        self.version += 1
