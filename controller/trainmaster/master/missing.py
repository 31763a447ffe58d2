"""Containers that lived when they were last heard of, and aren't listed by the ResourceManager: not seen, which isn't gone.

Their NodeManagers are asked until they say that they're over, since nobody else may ever tell. Never here: a call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from dataclasses import replace

from trainmaster.hadoop.ids import belongs_to
from trainmaster.master.living import may_live, survivors_of
from trainmaster.master.tokens import NodeTokens
from trainmaster.plan.memory import ApplicationMemory, Memory
from trainmaster.plan.values import Container, ContainerState

HEARD = ""
"""stands for the node of a container that only its NodeManager's word, or the time since that, lets go"""


class Missing(dict[str, Container]):
    """By id; RUNNING once a NodeManager has said so."""

    def __init__(self) -> None:
        super().__init__()
        self._survivors: set[str] = set()
        """those of earlier runs, by what is remembered"""
        self._doubted: dict[str, str] = {}
        """container -> node of those that the ResourceManager gave away, and whose NodeManager has not said that they're over;
        without a node once it has said since that they live"""

    def put(self, container: Container) -> None:
        """It is missing from now on: nobody has seen it since."""
        self[container.id] = replace(container, state=ContainerState.UNKNOWN)

    def doubt(self, container: Container) -> None:
        """The ResourceManager has given it away, which its NodeManager may not have heard yet."""
        self.put(container)
        self._doubted.setdefault(container.id, container.node)

    def lives(self, id_: str) -> None:
        """Its NodeManager says so. A ResourceManager gives a node up by what it heard of it itself, and this was heard later."""
        if id_ in self._doubted:
            self._doubted[id_] = HEARD

    def believe(self) -> None:
        """What an earlier ResourceManager gave away, and its node still runs, the new one gets back with that node."""
        self._doubted.clear()

    def lost_with(self, nodes: Set[str]) -> list[str]:
        """Those of nodes that were given up which the ResourceManager had given away before: of the others it tells itself."""
        return [id_ for id_, where in self._doubted.items() if where in nodes] if nodes else []

    def keep(self, memory: Memory, listed: Collection[str], over: Collection[str]) -> None:
        """Just those that may live by what is remembered, without the listed ones and those that are known to be over."""
        kept = {c.id: c for c in may_live(memory, listed, self) if c.id not in over}
        self.clear()
        self.update(kept)
        self._survivors = survivors_of(memory)
        self._doubted = {id_: node for id_, node in self._doubted.items() if id_ in self}

    @property
    def running(self) -> dict[str, Container]:
        """Those that their NodeManagers say to run."""
        return {id_: c for id_, c in self.items() if c.state is ContainerState.RUNNING}

    @property
    def nodes(self) -> dict[str, str]:
        """id -> node."""
        return {id_: c.node for id_, c in self.items()}

    def survives(self, id_: str) -> bool:
        """Whether it is one of an earlier run."""
        return id_ in self and id_ in self._survivors

    def of_earlier(self, application: ApplicationMemory | None) -> Iterator[str]:
        """Those that an application before this one ran, as their names tell."""
        if application:
            yield from (i for i in self._survivors & self.keys() if not belongs_to(i, application.id))

    def worth_listing(self, tokens: NodeTokens) -> bool:
        """Whether a register may list one: not what YARN has given away, nor what an earlier application ran."""
        return bool(self) and any(id_ not in self._doubted and not tokens.older(id_) for id_ in self)

    def unreached(self, tokens: NodeTokens) -> Iterator[Container]:
        """Those of earlier runs that only their nodes' web servers can be asked about, for want of a token."""
        for id_, container in self.items():
            if id_ in self._survivors and container.http and tokens.of(id_, container.node) is None:
                yield container
