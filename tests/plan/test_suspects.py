"""Nodes that failed several jobs are left alone by all: for a while, not too many, and never so that a job has no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import BIG, SIZE, World, cluster, job
from trainmaster.plan.avoidance import FIRST, avoiding
from trainmaster.plan.classify import NODE_LACKS
from trainmaster.plan.cluster import Cluster, Node, Nodes, Size
from trainmaster.plan.memory import Avoided, Key, Memory, ReplicaMemory
from trainmaster.plan.suspects import (
    AGREE,
    BELIEVED,
    ONE_OWNER,
    PART,
    TOO_MANY,
    Owner,
    Witness,
    avoided_by_all,
    suspects,
)

FREE = {"backoff": {"base": 0}}
BROKEN = "Exit code: 1\nLast 4096 bytes of stderr :\nRuntimeError: CUDA error: uncorrectable ECC error\n"
NOW = 1_000_000.0


Complaint = tuple[Owner, Memory]


def says(
    name: str, *hosts: str, at: float = NOW, placed: int = 1, owner: str = "vision", namespace: str = "vision"
) -> Complaint:
    """A job in which something failed on these hosts, once on each, with so many replicas that had a container."""
    known: tuple[Avoided, ...] = ()
    for host in hosts:
        known = avoiding(known, host, at, "GpuFault")
    rows = tuple(ReplicaMemory(Key("worker", i), host=f"h{i}" if i < placed else "") for i in range(1000))
    return owner, Memory(name, namespace, name, replicas=rows, avoided=known)


def left_alone(*jobs: Complaint, nodes: int = 100, now: float = NOW) -> frozenset[str]:
    return avoided_by_all(suspects(jobs, nodes, now))


def test_one_job_alone_is_not_believed() -> None:
    assert suspects([says("a", "n1"), says("b", "n2")], 100, NOW) == ()


def test_where_two_agree_all_leave_the_node_alone_and_the_evidence_is_named() -> None:
    [found] = suspects([says("a", "n1", at=NOW - 60), says("b", "n1", "n2")], 100, NOW)
    assert (found.host, found.jobs, found.avoided) == ("n1", 2, True)
    assert found.witnesses == (
        Witness("vision/b", "GpuFault", 1, NOW, "vision"),
        Witness("vision/a", "GpuFault", 1, NOW - 60, "vision"),
    )


def test_one_owner_takes_no_node_from_others() -> None:
    """His jobs know of each other, and what they say they may all have learnt from one program."""
    his = [says(name, "n1") for name in "abcd"]
    [found] = suspects([*his, says("theirs", owner="speech")], 100, NOW)
    assert (found.jobs, found.avoided, found.why_not) == (4, False, ONE_OWNER)
    assert left_alone(*his, says("theirs", "n1", owner="speech")) == {"n1"}
    assert left_alone(*his) == {"n1"}, "he has the cluster to himself"


def test_it_is_forgotten_as_the_jobs_forget_it() -> None:
    jobs = says("a", "n1"), says("b", "n1")
    assert left_alone(*jobs, now=NOW + 2 * FIRST - 1) == {"n1"}
    assert left_alone(*jobs, now=NOW + 2 * FIRST) == frozenset()


def test_who_complains_of_many_nodes_is_likelier_broken_itself() -> None:
    hosts = [f"n{i}" for i in range(BELIEVED + 1)]
    assert left_alone(says("a", *hosts), says("b", *hosts[:-1])) == frozenset()
    assert left_alone(says("a", *hosts, placed=60), says("b", *hosts[:-1])) == set(hosts[:-1])


@pytest.mark.parametrize(
    ("nodes", "bad", "avoided"), [(100, 25, 25), (100, 26, 0), (8, 2, 2), (8, 3, 0), (2, 1, 1), (0, 1, 1)]
)
def test_so_many_that_it_can_lie_at_no_node_are_listed_and_not_avoided(
    nodes: int, bad: int, avoided: int
) -> None:
    jobs = [says(f"{name}{i}", f"n{i}") for i in range(bad) for name in "ab"]
    found = suspects(jobs, nodes, NOW)
    assert (len(found), len(avoided_by_all(found))) == (bad, avoided)
    assert {each.why_not for each in found} == {"" if avoided else TOO_MANY}


def test_one_owner_is_one_whatever_namespaces_his_files_name() -> None:
    his = says("a", "n1", namespace="vision"), says("b", "n1", namespace="speech")
    assert left_alone(*his, says("theirs", owner="bob")) == frozenset()


def test_one_owner_does_not_keep_others_from_being_believed() -> None:
    """However many nodes he complains of."""
    his = [says(f"{i}", f"n{2 * i}", f"n{2 * i + 1}") for i in range(6)]
    agree = says("x", "bad", owner="bob"), says("y", "bad", owner="carol")
    assert left_alone(*his, *his, *agree, nodes=20) == {"bad"}


@given(
    st.lists(st.lists(st.sampled_from([f"n{i}" for i in range(9)]), max_size=4, unique=True), max_size=12),
    st.integers(0, 40),
)
def test_nobody_is_accused_by_less_than_two_nor_too_many_at_a_time(
    complaints: list[list[str]], nodes: int
) -> None:
    jobs = [says(str(i), *hosts) for i, hosts in enumerate(complaints)]
    found = suspects(jobs, nodes, NOW)
    assert all(
        each.jobs == sum(each.host in hosts for hosts in complaints if len(hosts) <= BELIEVED)
        for each in found
    )
    assert all(each.jobs >= AGREE for each in found)
    assert len(avoided_by_all(found)) <= max(1, nodes // PART)


# --- what one job makes of it


def world(**more: object) -> World:
    return World(job("Generic", FREE, worker=2), **more)  # type: ignore[arg-type]


def test_what_others_found_broken_is_asked_for_nothing() -> None:
    at = world().registers().sees(cluster=cluster("a", "b", "c"), suspects=frozenset({"b"}))
    assert at.plan.avoid == {"b"}
    assert "b" not in {ask.host for ask in at.plan.asks}
    assert "left alone, having failed several jobs: b" in at.condition("Queued").message


def test_who_asks_for_nothing_any_more_avoids_nothing() -> None:
    at = world().sees(cluster=cluster("a", "b", "c")).runs("a").ends("worker-0", 1, BROKEN)
    assert at.plan.avoid == {"a"}
    assert at.deletes().plan.avoid == frozenset()


def test_who_runs_there_stays() -> None:
    at = world().runs().sees(suspects=frozenset({"a"}), cluster=cluster("a", "b", "c"))
    assert at.plan.avoid == frozenset()
    assert at.told_names == []


@pytest.mark.parametrize("cause", ["its own", "the others'"])
def test_where_it_would_have_no_room_left_no_node_is_avoided_and_that_is_said(cause: str) -> None:
    """Only a has GPUs: a job that needs some is better tried there than never."""
    roles = {"worker": {"resources": {"gpus": 1}}}
    bare = replace(BIG, gpus=0)
    nodes = (Node("a", "/r", BIG, BIG), *(Node(host, "/r", bare, bare) for host in "bcde"))
    at = World(job("Generic", FREE, roles=roles, worker=1)).registers()
    at.sees(cluster=replace(cluster(), nodes=nodes)).runs("a")
    if cause == "its own":
        at.ends("worker-0", 1, BROKEN)
    else:
        at.sees(suspects=frozenset({"a"})).ends("worker-0", -102)
    assert at.plan.avoid == frozenset()
    assert at.asked == {"worker-0"}
    assert "no node is left alone, though a failed" in at.condition("Running").message


def test_its_own_nodes_are_avoided_where_those_of_all_would_leave_no_room() -> None:
    at = world().sees(cluster=cluster("a", "b", "c", size=Size(1024, 64, 8))).runs("a")
    at.sees(suspects=frozenset({"b"})).ends("worker-0", 1, BROKEN)
    assert at.plan.avoid == {"a"}


def test_all_of_the_gang_needs_room_beside_the_nodes_that_are_avoided() -> None:
    at = World(job("Generic", FREE, worker=3)).registers()
    at.sees(cluster=cluster("a", "b", "c", size=Size(1024, 64, 8)), suspects=frozenset({"b"}))
    assert at.plan.avoid == frozenset()


def test_bad_disks_and_devices_that_are_missing_count_against_the_node() -> None:
    for code, words, cause in ((-101, "", "NodeUnhealthy"), (-1, NODE_LACKS, "Infrastructure")):
        at = world().sees(cluster=cluster("a", "b", "c")).runs("a").ends("worker-0", code, words)
        [known] = at.memory.avoided
        assert (known.host, known.cause, known.at) == ("a", cause, at.now)


def test_what_yarn_does_elsewhere_counts_against_no_node() -> None:
    """That a start was refused may be the controller's doing as well, and files that can't be brought those of their store."""
    for code, words in (
        (-1000, ""),
        (-102, ""),
        (-100, "Container released on a *lost* node"),
        (1, ""),
        (137, ""),
    ):
        at = world().sees(cluster=cluster("a", "b", "c")).runs("a").ends("worker-0", code, words)
        assert at.memory.avoided == ()


def test_what_was_said_of_a_node_before_it_was_cleared_counts_no_more() -> None:
    jobs = says("a", "n1", at=NOW - 60), says("b", "n1"), says("c", "n1", at=NOW + 60)
    [found] = suspects(jobs, 100, NOW + 60, {"n1": NOW - 30, "n2": NOW + 99})
    assert {w.job for w in found.witnesses} == {"vision/b", "vision/c"}
    assert suspects(jobs, 100, NOW + 60, {"n1": NOW + 30}) == ()


def test_a_node_is_not_left_alone_where_the_others_have_room_in_all_but_for_no_whole_container() -> None:
    """Each of them holds one of its containers, and what is left of both together is no node."""
    large = {"worker": {"resources": {"memory": "40Gi"}}}
    at = World(job(worker=3, roles=large)).sees(cluster=cluster("a", "b", "c")).registers()
    assert at.sees(suspects=frozenset({"b"})).plan.avoid == frozenset()
    assert World(job(worker=2, roles=large)).sees(cluster=cluster("a", "b", "c")).registers().sees(
        suspects=frozenset({"b"})
    ).plan.avoid == {"b"}


def test_whether_there_is_room_without_a_node_is_told_from_the_sizes_that_nodes_have() -> None:
    """Of thousands of nodes there are a few: each job that waits asks so in every pass."""
    looked = 0

    class Counted(Nodes):
        def __iter__(self) -> Iterator[Node]:
            nonlocal looked
            looked += len(self)
            return super().__iter__()

    found = cluster(*(f"n{i}" for i in range(100)))
    world = World(job(worker=3)).sees(cluster=replace(found, nodes=Counted(found.nodes).worked_out()))
    world.registers().later(60)
    looked = 0
    assert world.sees(suspects=frozenset({"n1"})).plan.avoid == {"n1"}
    assert looked == 0


@given(
    totals=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    gone=st.sets(st.integers(0, 7)),
    wanted=st.integers(1, 12),
)
def test_a_node_is_left_alone_just_where_the_others_hold_all_containers_one_by_one(
    totals: list[int], gone: set[int], wanted: int
) -> None:
    """Each container takes two places."""
    nodes = tuple(Node(f"n{i}", "/r", SIZE.times(n), SIZE.times(n)) for i, n in enumerate(totals))
    large = {"worker": {"resources": {"memory": "2Gi", "vcores": 2}}}
    there, suspects_ = Cluster(BIG, nodes=nodes), frozenset(f"n{i}" for i in gone if i < len(totals))
    world = World(job(worker=wanted, roles=large)).sees(cluster=there).registers()
    left = [n for i, n in enumerate(totals) if i not in gone]
    fits = sum(n // 2 for n in left) >= wanted and 2 * len(left) >= len(totals)
    assert world.sees(suspects=suspects_).plan.avoid == (suspects_ if fits else frozenset())
