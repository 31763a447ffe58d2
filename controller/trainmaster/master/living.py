"""Which containers live: those that may by what is remembered, whoever lists them; and whether an end that is told is one."""

from __future__ import annotations

from collections.abc import Container as Container_
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from trainmaster.plan.classify import GIVEN_AWAY
from trainmaster.plan.memory import Key, Memory
from trainmaster.plan.values import IDLE, Container, ContainerState, Size

NO_SIZE = Size()
LISTED = frozenset({ContainerState.UNKNOWN, ContainerState.RUNNING})
"""states in which a NodeManager that doesn't know a container has lost it, or never had it"""


def is_over(code: int, container: Container | None, lost_nodes: Container_[str]) -> bool:
    """Whether a process is over: its NodeManager said so, it never began, or its node was waited for in vain."""
    if code not in GIVEN_AWAY or container is None:
        return True
    return container.state in IDLE or container.node in lost_nodes


def may_live(
    memory: Memory, listed: Container_[str], known: Mapping[str, Container] = MappingProxyType({})
) -> Iterator[Container]:
    """Those that are bound, and those of earlier runs of which nobody has said that they are over, without the listed ones.

    As they are `known`; the sizes of others are YARN's to tell.
    """
    ended = {end.container for end in memory.pending_ends}
    for r in memory.replicas:
        if r.bound and r.container not in listed and r.container not in ended:
            yield known.get(r.container) or _unlisted(r.container, r.node, r.http, r.key, r.run)
    for key, one in memory.leaving:
        if one.container not in listed:
            yield known.get(one.container) or _unlisted(one.container, one.node, one.http, key, 0)


def _unlisted(id_: str, node: str, http: str, key: Key, run: int) -> Container:
    return Container(id_, node, http, key, run, NO_SIZE, ContainerState.UNKNOWN)


def survivors_of(memory: Memory) -> set[str]:
    """Those of earlier runs."""
    return {one.container for _, one in memory.leaving}
