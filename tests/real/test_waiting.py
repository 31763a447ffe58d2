"""What is refused, what waits and for what, on real YARN: sizes and queues, gangs and whose turn it is.

The jobs of all tests are neighbours under one controller.
"""

from __future__ import annotations

from rare import at_one_door
from real.cluster import until
from real.reading import message, reason, states, trainers
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaState

pytestmark = at_one_door("folder")


HALF_A_NODE = {"resources": {"memory": "3Gi"}}
"""two of these fit on each of the cluster's two nodes"""


def test_what_can_never_be_had_is_refused_with_the_numbers(shared: Room, ledger: Ledger) -> None:
    large = eager(worker=trainers(ledger, steps=1) | {"resources": {"memory": "100Gi"}})
    lost = eager(worker=trainers(ledger, steps=1)) | {"queue": "nowhere"}
    shared.drop("large", large)
    shared.drop("lost", lost)

    refused = shared.until("large", lambda s: reason(s, C.ACCEPTED) == reasons.NEVER_FITS)
    assert "role worker wants 102400 MiB" in message(refused, C.ACCEPTED)
    assert "at most 8192 MiB" in message(refused, C.ACCEPTED)
    refused = shared.until("lost", lambda s: reason(s, C.ACCEPTED) == reasons.QUEUE_NOT_FOUND)
    assert "'nowhere'" in message(refused, C.ACCEPTED)
    assert not ledger.starts()

    shared.drop("large", eager(worker=trainers(ledger, steps=1)))
    shared.until_true("large", C.SUCCEEDED)


def test_what_todays_nodes_lack_is_waited_for_and_stands_in_nobodys_way(shared: Room, ledger: Ledger) -> None:
    job = eager(worker=trainers(ledger, 3) | {"resources": {"memory": "8Gi"}})
    shared.drop("vast", job)
    shared.drop("late", job | {"runPolicy": {"pendingDeadline": "2s"}})

    waits = shared.until("vast", lambda s: reason(s, C.QUEUED) == reasons.NO_ROOM)
    assert "it wants 24576 MiB" in message(waits, C.QUEUED)
    assert "all of today's nodes have 16384 MiB" in message(waits, C.QUEUED)
    late = shared.until_true("late", C.FINISHED)
    assert reason(late, C.FAILED) == reasons.PENDING_DEADLINE_EXCEEDED
    shared.drop("behind", eager(worker=trainers(ledger, steps=1)))
    shared.until_true("behind", C.SUCCEEDED)

    shared.edit("vast", {("spec", "runPolicy", "suspend"): True})
    shared.until_true("vast", C.SUSPENDED)
    assert ended(shared, waits.application_id)
    shared.edit("vast", {("spec", "runPolicy", "suspend"): False})
    again = shared.until("vast", lambda s: reason(s, C.QUEUED) == reasons.NO_ROOM)
    assert again.earlier_application_ids == (waits.application_id,)
    shared.delete("vast")
    until(lambda: ended(shared, again.application_id))


def ended(room: Room, application: str) -> bool:
    return room.rest.application(application)["state"] in ("FINISHED", "KILLED")


def test_two_gangs_that_need_more_than_half_come_one_after_the_other(shared: Room, ledger: Ledger) -> None:
    gang = trainer_role(ledger.folder, 3, steps=5) | HALF_A_NODE
    other = Ledger(ledger.folder / "other")
    shared.drop("one", eager(worker=gang))
    shared.drop("two", eager(worker=trainer_role(other.folder, 3, steps=5) | HALF_A_NODE))

    for name in ("one", "two"):
        status = shared.until_true(name, C.FINISHED)
        assert status.is_true(C.SUCCEEDED)
    assert {e.run for e in (*ledger.starts(), *other.starts())} == {1}, "nothing was given back"
    first, second = sorted((ledger, other), key=lambda it: it.starts()[0].at)
    assert max(e.at for e in first.entries("end")) < min(e.at for e in second.starts())


def test_a_gang_that_is_not_complete_in_time_gives_back_what_it_has(shared: Room, ledger: Ledger) -> None:
    holder = Ledger(ledger.folder / "holder")
    wait = [{"who": f"worker-{i}", "step": 1, "do": "wait", "with": "go"} for i in range(3)]
    shared.drop("holder", eager(worker=trainer_role(holder.folder, 3, wait, steps=1) | HALF_A_NODE))
    shared.until_true("holder", C.RUNNING)
    spec = eager(worker=trainer_role(ledger.folder, 3, steps=1) | HALF_A_NODE)
    shared.drop("partial", spec | {"gang": {"timeout": "2s"}})

    shared.until("partial", lambda s: ReplicaState.ALLOCATED in states(s))
    status = shared.until("partial", lambda s: reason(s, C.QUEUED) == reasons.GANG_TIMEOUT)
    until(lambda: shared.rest.application(status.application_id)["runningContainers"] == 0)
    assert not ledger.starts()
    shared.edit("partial", {("spec", "gang", "timeout"): "5m"})
    holder.go()
    assert shared.until_true("partial", C.FINISHED).is_true(C.SUCCEEDED)
