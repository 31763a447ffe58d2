"""Where room is looked for: the freest node first, and none is forgotten because another was taken meanwhile."""

from __future__ import annotations

from plan.build import SIZE
from trainmaster.plan.room import Room
from trainmaster.plan.values import Cluster, Node, Size


def room(avoid: frozenset[str] = frozenset(), **free: int) -> Room:
    """A queue on nodes with so much room for containers of SIZE."""
    sizes = {host: Size(1024 * count, count, 0) for host, count in free.items()}
    nodes = tuple(Node(host, "/rack", size, size) for host, size in sizes.items())
    return Room(Cluster(largest=SIZE, nodes=nodes), avoid)


def test_the_freest_is_found_again_until_it_is_taken() -> None:
    there = room(a=1, b=3, c=2)
    assert [there.freest(SIZE) for _ in range(3)] == ["b", "b", "b"]


def test_containers_are_spread_by_what_is_left() -> None:
    there = room(a=1, b=3, c=2)
    taken = [there.take(there.freest(SIZE), SIZE) for _ in range(6)]
    assert taken[0] == "b"
    assert sorted(taken) == ["a", "b", "b", "b", "c", "c"]
    assert there.freest(SIZE) == ""


def test_what_is_avoided_or_unknown_has_no_room() -> None:
    there = room(frozenset({"b"}), a=1, b=3)
    assert there.freest(SIZE) == "a"
    assert [there.has(host, SIZE) for host in ("a", "b", "nowhere")] == [True, False, False]
    there.take("a", SIZE)
    assert not there.has("a", SIZE)
    assert there.knows("a")
