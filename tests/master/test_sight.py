"""The picture of one application: what is asked about is asked about no longer than it is there."""

from __future__ import annotations

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
from trainmaster.master.sight import Sight
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
    sight.allocated(_heard(updated_nodes=news, completed=completed), {}, 1.0)
    [end] = sight.ends
    assert end.node_words == words


def _heard(**news: object) -> Allocated:
    return Allocated(response_id=1, **news)  # type: ignore[arg-type]  # named as its fields are
