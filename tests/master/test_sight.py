"""The picture of one application: what is asked about is asked about no longer than it is there."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from trainmaster.hadoop.containers import (
    Allocated,
    CompletedContainer,
    GrantedContainer,
    NmState,
    NmStatus,
    NmStatuses,
    Registered,
)
from trainmaster.hadoop.values import NodeReport, NodeState, Resource
from trainmaster.master.sight import STEP, Sight
from trainmaster.plan.values import End


def test_a_container_that_is_over_is_not_asked_about_once_more() -> None:
    sight = Sight()
    granted = GrantedContainer("c1", "n1:1", "n1:2", Resource(64, 1), 1, 1)
    listed = Registered((granted,), {}, Resource(64, 1), "default")
    sight.registered(listed, {}, 0.0)
    sight.confirmed(
        NmStatuses({"c1": NmStatus("c1", NmState.RUNNING, None, "")}, frozenset(), {}), {"c1": "n1:1"}, 1
    )
    assert sight.unconfirmed() == {}
    sight.registered(listed, {}, 0.0)
    assert sight.unconfirmed() == {"c1": "n1:1"}
    sight.ended(End("c1", 0, "", 2))
    sight.registered(listed, {}, 0.0)  # an answer that was on its way
    assert sight._to_confirm == set()


def test_what_is_listed_again_is_known_as_before() -> None:
    """Who was told to go isn't told a second time because a ResourceManager was restarted meanwhile."""
    sight = Sight()
    granted = GrantedContainer("c1", "n1:1", "n1:2", Resource(64, 1), 1, 1)
    sight.registered(Registered((granted,), {}, Resource(64, 1), "default"), {}, 0.0)
    for note in ({"leaving": True}, {"refuses": True}, {"told": 3, "process": 2}):
        sight.mark("c1", **note)
    before = sight.containers["c1"]
    sight.registered(Registered((), {}, Resource(64, 1), "default"), {}, 1.0)
    assert "c1" in sight.missing
    sight.registered(Registered((granted,), {}, Resource(64, 1), "default"), {}, 2.0)
    assert sight.containers["c1"] == before


@pytest.mark.parametrize(
    ("states", "health", "words"),
    [
        ([NodeState.UNHEALTHY], "1/1 local-dirs have errors", "UNHEALTHY: 1/1 local-dirs have errors"),
        ([NodeState.DECOMMISSIONED], "", "DECOMMISSIONED"),
        ([NodeState.UNHEALTHY, NodeState.RUNNING], "", ""),
        ([NodeState.DECOMMISSIONING], "", ""),
        ([], "", ""),
    ],
)
def test_what_yarn_says_of_a_node_stands_with_the_ends_that_it_brings(
    states: list[NodeState], health: str, words: str
) -> None:
    sight = Sight()
    granted = GrantedContainer("c1", "n1:1", "n1:2", Resource(64, 1), 1, 1)
    sight.registered(Registered((granted,), {}, Resource(64, 1), "default"), {}, 0.0)
    nothing = Resource(0, 0)
    news = tuple(NodeReport("n1:1", "", "/r", state, nothing, nothing, 0, health) for state in states)
    completed = (CompletedContainer("c1", -100, "Container released on a *lost* node"),)
    for _ in sight.allocated(_heard(updated_nodes=news, completed=completed), {}, 1.0):
        pass
    [end] = sight.ends
    assert end.node_words == words


def _heard(**news: object) -> Allocated:
    return Allocated(response_id=1, **news)  # type: ignore[arg-type]  # named as its fields are


def granted(number: int) -> GrantedContainer:
    return GrantedContainer(f"c{number}", f"n{number}:1", "", Resource(64, 1), 1, 1)


def test_the_loss_of_thousands_is_taken_in_in_steps_and_gone_through_once_for_all_nodes() -> None:
    many, sight = range(2 * STEP), Sight()
    steps = sum(1 for _ in sight.allocated(Allocated(1, allocated=tuple(map(granted, many))), {}, 0.0))
    assert (steps, len(sight.containers)) == (2, len(many))
    ends = tuple(CompletedContainer(f"c{number}", -100, "") for number in many)
    nodes = tuple(lost(f"n{number}") for number in many)
    with patch.object(sight.missing, "lost_with", return_value=[]) as gone_through:
        answer = Allocated(2, completed=ends, updated_nodes=nodes)
        assert sum(1 for _ in sight.allocated(answer, {}, 0.0)) == 2
    assert gone_through.call_count == 1
    assert len(sight.ends) == len(many)
    assert all(end.certain for end in sight.ends)


def lost(host: str) -> NodeReport:
    return NodeReport(f"{host}:1", "", "/r", NodeState.LOST, Resource(0, 0), Resource(64, 1), 0, "")


def test_what_was_given_away_counts_as_over_once_its_node_is_lost() -> None:
    sight = Sight()
    sight.registered(Registered((granted(1), granted(2)), {}, Resource(64, 1), "default"), {}, 0.0)
    for _ in sight.allocated(Allocated(1, completed=(CompletedContainer("c1", -102, ""),)), {}, 1.0):
        pass
    assert [(end.container, end.certain) for end in sight.ends] == [("c1", False)]
    for _ in sight.allocated(Allocated(2, updated_nodes=(lost("n1"), lost("n3"))), {}, 2.0):
        pass
    assert [(end.container, end.certain) for end in sight.ends] == [("c1", True)]
    assert "c2" in sight.containers


@pytest.mark.parametrize("reached_again", [True, False], ids=["still reached", "not reached any more"])
def test_what_its_node_has_called_alive_since_it_was_given_away_is_over_by_that_nodes_word_alone(
    reached_again: bool,
) -> None:
    """A ResourceManager counts from the last word that it heard itself; ours is a later one."""
    sight = Sight()
    sight.registered(Registered((granted(1),), {}, Resource(64, 1), "default"), {}, 0.0)
    for _ in sight.allocated(Allocated(1, completed=(CompletedContainer("c1", -102, ""),)), {}, 1.0):
        pass
    runs = NmStatuses({"c1": NmStatus("c1", NmState.RUNNING, None, "")}, frozenset(), {})
    sight.confirmed(runs, {"c1": "n1:1"}, 2.0)
    if not reached_again:
        sight.unheard(["c1"])
    for _ in sight.allocated(Allocated(2, updated_nodes=(lost("n1"),)), {}, 3.0):
        pass
    assert [(end.container, end.certain) for end in sight.ends] == [("c1", False)]
    sight.ended(End("c1", 143, "", 4.0))
    assert [(end.container, end.certain) for end in sight.ends] == [("c1", True)]
