"""The picture of one application: what is asked about is asked about no longer than it is there."""

from __future__ import annotations

from trainmaster.hadoop.containers import GrantedContainer, NmState, NmStatus, NmStatuses, Registered
from trainmaster.hadoop.values import Resource
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
