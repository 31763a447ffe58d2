"""Near to the input: whose hosts are asked first, how long one waits to be told them, and what is said of how it turned out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import BIG, SIZE, THROUGH_NEW, World, cluster, job
from trainmaster.api.job import TrainingJob
from trainmaster.plan import locality
from trainmaster.plan.cluster import Cluster, Node, Size
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.locality import PATIENCE
from trainmaster.plan.values import Start

PATH = "hdfs:///data/mnist"
NEAR = {"locality": "Input"}


def near(roles: dict[str, Any] | None = None, **replicas: int) -> TrainingJob:
    return job("Generic", roles=roles or {"worker": NEAR}, spec={"inputPath": PATH}, **replicas)


def look(**hosts: int) -> InputLook:
    """Of an input of 100 bytes."""
    return InputLook(PATH, 100, hosts)


def hosts(world: World) -> list[str]:
    return [ask.host for ask in world.plan.asks]


def registered(of: TrainingJob, found: InputLook | None, **seen: Any) -> World:
    return World(of).sees(input=found, **seen).registers()


def test_a_host_with_the_input_is_asked_first_though_others_have_more_room() -> None:
    there = cluster("a", "b", "c", size=SIZE.times(4))
    assert hosts(registered(near(worker=2), look(c=100), cluster=there)) == ["c", "c"]
    assert set(hosts(registered(job("Generic", worker=2), look(c=100), cluster=there))) == {"a", "b"}


def test_replicas_are_spread_by_how_much_each_host_holds() -> None:
    world = registered(near(worker=6), look(a=60, b=30), cluster=cluster("a", "b", "c"))
    assert Counter(hosts(world)) == {"a": 4, "b": 2}


def test_what_has_no_room_near_the_input_is_asked_for_where_there_is_most() -> None:
    room = {"a": SIZE, "b": SIZE.times(4), "c": SIZE}
    nodes = tuple(Node(host, "/rack", free, BIG) for host, free in room.items())
    world = registered(near(worker=3), look(a=100), cluster=Cluster(BIG, nodes=nodes))
    assert hosts(world) == ["a", "b", "b"]


def test_where_no_host_of_it_has_room_their_racks_come_before_others() -> None:
    free = {"a": ("/one", Size()), "b": ("/one", SIZE), "c": ("/two", SIZE.times(4))}
    nodes = tuple(Node(host, rack, room, BIG) for host, (rack, room) in free.items())
    world = registered(near(worker=2), look(a=100), cluster=Cluster(BIG, nodes=nodes))
    assert hosts(world) == ["b", "c"]


def test_of_two_roles_only_the_one_that_says_so_is_near() -> None:
    world = registered(near({"worker": NEAR, "ps": {}}), look(b=100), cluster=cluster("a", "b"))
    assert {str(ask.key): ask.host for ask in world.plan.asks} == {"worker-0": "b", "ps-0": "a"}


def test_one_is_told_in_time_or_asks_anywhere() -> None:
    world = World(near({"worker": NEAR, "ps": {}})).registers()
    assert world.asked == {"ps-0"}
    assert world.plan.wake_at == world.now + PATIENCE
    assert world.later(PATIENCE - 1).asked == {"ps-0"}
    assert world.later(1).asked == {"ps-0", "worker-0"}
    world.grants("worker-0", "ps-0")
    assert len(world.told(Start)) == 2
    assert "isn't known: it wasn't told in time" in world.events[-1].message


def test_once_it_is_told_nobody_waits() -> None:
    world = World(near(worker=1)).registers().later(1)
    assert world.asked == set()
    assert hosts(world.sees(input=look(b=1))) == ["b"]


def test_another_path_than_todays_says_nothing() -> None:
    assert registered(near(worker=1), InputLook("hdfs:///old", 1, {"b": 1})).asked == set()


def test_what_cannot_be_looked_up_is_said_and_keeps_nobody_from_starting() -> None:
    world = registered(near(worker=1), InputLook(PATH, words="there is no /data/mnist"))
    assert world.asked == {"worker-0"}
    world.grants("worker-0")
    assert world.told(Start)
    event = world.events[-1]
    assert (event.warning, event.reason) == (True, "InputUnknown")
    assert event.message.endswith(f"where {PATH} lies isn't known: there is no /data/mnist")
    assert world.status.roles["worker"].near_input is None


def test_how_near_it_is_stands_in_the_status_and_is_said_once() -> None:
    world = registered(near(worker=2), look(a=80, c=100), cluster=cluster("a", "b", "c"))
    world.grants("worker-0", node="a").grants("worker-1", node="b")
    said = [e.message for e in world.events if e.reason == "InputLocality"]
    assert said == [
        f"worker: 1 of 2 containers are on nodes that hold some of {PATH}; on average 40% of it is read locally"
    ]
    assert world.starts().status.roles["worker"].near_input == 1
    assert [e.message for e in world.later(1).events if e.reason == "InputLocality"] == said


def test_nothing_is_said_of_roles_that_do_not_care() -> None:
    world = World(job("Generic", worker=1, spec={"inputPath": PATH})).sees(input=look(a=1)).runs()
    assert not {"InputLocality", "InputUnknown"} & {e.reason for e in world.events}
    assert world.status.roles["worker"].near_input is None


def test_more_replicas_than_hosts_are_named_for_are_near_all_the_same() -> None:
    world = registered(near(worker=60), look(b=1), cluster=cluster("a", "b", size=SIZE.times(40)))
    assert Counter(hosts(world)) == {"b": 40, "": 20}


def test_of_thousands_the_first_are_near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locality, "MOST", 55)
    world = registered(near(worker=60), look(b=1), cluster=cluster("a", "b", size=SIZE.times(80)))
    assert Counter(hosts(world)) == {"b": 55, "": 5}


@pytest.mark.parametrize(("most", "named"), [(1000, 60), (20, 20)])
def test_where_they_ran_before_the_rest_of_many_are_not_asked_for_and_of_thousands_the_first(
    most: int, named: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locality, "MOST", most)
    large = cluster("a", "b", size=SIZE.times(200))
    world = World(near({"worker": NEAR, "ps": {}}, worker=60, ps=60), limits=THROUGH_NEW)
    world.sees(input=look(b=1), cluster=large).runs().ends("worker-0", -100)
    world.declares(near({"worker": NEAR, "ps": {"command": "other"}}, worker=60, ps=60)).obeys().later(0)
    by_role = Counter((ask.key.role, ask.host) for ask in world.plan.asks)
    assert by_role[("ps", "")] == 60
    assert by_role[("worker", "")] == 60 - named


def test_hosts_are_named_for_a_few_seconds_only() -> None:
    assert hosts(registered(near(worker=1), look(b=1)).later(5)) == [""]


def test_a_host_that_the_job_avoids_is_not_asked_though_it_holds_all() -> None:
    world = registered(near(worker=1), look(b=1), cluster=cluster("a", "b", "c"), suspects=frozenset({"b"}))
    assert hosts(world) in (["a"], ["c"])


@given(
    held=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1000)),
    rooms=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    replicas=st.integers(1, 20),
)
def test_nobody_is_asked_elsewhere_while_a_host_of_the_input_has_room(
    held: dict[str, int], rooms: list[int], replicas: int
) -> None:
    room = dict(zip("abcdef", rooms, strict=True))
    nodes = tuple(Node(host, "/rack", SIZE.times(n), BIG) for host, n in room.items())
    found = InputLook(PATH, sum(held.values()), held)
    asked = Counter(hosts(registered(near(worker=replicas), found, cluster=Cluster(BIG, nodes=nodes))))
    assert sum(asked[host] for host in held) == min(replicas, sum(room[host] for host in held))
    assert all(asked[host] <= n for host, n in room.items())


@pytest.mark.parametrize(
    ("held", "share"), [(0, 0.0), (25, 0.25), (100, 1.0), (300, 1.0)], ids=["none", "part", "all", "twice"]
)
def test_the_share_of_a_host_is_a_part_of_the_input(held: int, share: float) -> None:
    """A DataNode that is told of twice, by its name and as its address, holds no more than all."""
    assert look(a=held).share("a") == share
    assert look(a=held).share("b") == 0
