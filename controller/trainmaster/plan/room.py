"""What is free on today's nodes while one job's asks are spread over them. A picture of its own: nothing is promised by it."""

from __future__ import annotations

from collections.abc import Iterator, Set

from trainmaster.plan.cluster import Cluster, Node, Nodes, Size


class Room:
    """The nodes of one queue less those to be avoided, and less what was taken here. Looks at as few nodes as it can."""

    def __init__(self, cluster: Cluster, avoid: Set[str]) -> None:
        self._nodes, self._partition, self._avoid = cluster.picture, cluster.partition, avoid
        self._left: dict[str, Size] = {}
        """of the hosts from which something was taken"""
        self._walks: dict[Size, Iterator[Node]] = {}
        self._found: dict[Size, Node | None] = {}
        """by size: the freest node from which nothing was taken yet, and the nodes after it; none is looked at twice"""

    @property
    def nodes(self) -> Nodes:
        """All that there are, those to be avoided among them."""
        return self._nodes

    def knows(self, host: str) -> bool:
        return host in self._nodes.by_host and host not in self._avoid

    def has(self, host: str, size: Size) -> bool:
        return self.knows(host) and size.fits(self._free(host))

    def freest(self, size: Size) -> str:
        """The host with the most room of those that have enough; empty if none has."""
        touched = [host for host, left in self._left.items() if size.fits(left)]
        best = max(touched, key=self._left.__getitem__, default="")
        node = self._untouched(size)
        return node.host if node and (not best or node.free > self._left[best]) else best

    def _untouched(self, size: Size) -> Node | None:
        walk = self._walks.setdefault(size, self._nodes.free_for(size, self._partition))
        found = self._found.get(size) or next(walk, None)
        while found and (found.host in self._left or found.host in self._avoid):
            found = next(walk, None)
        self._found[size] = found
        return found

    def take(self, host: str, size: Size) -> str:
        self._left[host] = self._free(host) - size
        return host

    def _free(self, host: str) -> Size:
        return self._left[host] if host in self._left else self._nodes.by_host[host].free
