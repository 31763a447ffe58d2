"""What the ResourceManager has said to one master of nodes: those it gave up, can't use, and can use again."""

from __future__ import annotations

from collections.abc import Iterable

from trainmaster.hadoop.values import NodeReport, NodeState


class NodeNews:
    """As last heard."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        """those that the ResourceManager has waited for as long as it waits for any"""
        self.came_back: set[str] = set()
        """hosts that are usable again since they were looked at last (`Relisting` takes them out)"""
        self._out_of_use: dict[str, str] = {}

    def words(self, node: str) -> str:
        """Why nothing runs there, in YARN's words; empty while something may."""
        return self._out_of_use.get(node, "")

    def heard(self, reports: Iterable[NodeReport]) -> set[str]:
        """Take in an answer's news; those that were given up with it."""
        given_up: set[str] = set()
        for report in reports:
            usable, lost = report.state.usable, report.state is NodeState.LOST
            self._out_of_use.pop(report.node, None)
            if not usable:
                self._out_of_use[report.node] = report.words
            (given_up.add if lost else given_up.discard)(report.node)
            (self.lost.add if lost else self.lost.discard)(report.node)
            if usable:
                self.came_back.add(report.host)
        return given_up
