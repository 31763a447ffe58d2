"""Each second of a run is in one class: what it waited for, what it trained, and what failures cost, by cause and node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plan.build import THROUGH_NEW, World, job
from plan.test_hangs import Training
from trainmaster.api.goodput_status import GoodputStatus
from trainmaster.api.history import decode as decode_run
from trainmaster.api.history import encode as encode_run
from trainmaster.api.job import TrainingJob
from trainmaster.master.codec import decode, encode
from trainmaster.observe.goodput_words import goodput_words, lost_words
from trainmaster.plan.decide import raised
from trainmaster.plan.goodput import PACE
from trainmaster.plan.history import ended_run
from trainmaster.plan.spent import LOST, MOST, OTHERS, Spent, charged, moved, ratio, replica_seconds
from trainmaster.plan.values import AppState, ContainerState, HeldGpus, Limits, Seen

FREE = {"backoffLimit": 9, "backoff": {"base": 0}}


def seconds(world: World) -> dict[str, float]:
    """Of replicas, with a container or without, by class; those of none are left out."""
    parts = world.memory.ledger.until(world.now)
    found = {name: round(each[0] + each[1], 3) for name, each in parts.items()}
    return {name: each for name, each in found.items() if each}


def ddp(worker: int = 2, policy: dict[str, object] | None = None, **roles: object) -> TrainingJob:
    return job(
        "Generic", FREE | (policy or {}), roles={"worker": {"restartScope": "Job", **roles}}, worker=worker
    )


def trains(worker: int = 2) -> Training:
    """Started 5 s ago, whose first step has just been told."""
    world = Training(ddp(worker), limits=THROUGH_NEW)
    world.runs().later(5)
    return world.tells(*world.names, step=1)


def test_what_is_waited_for_is_told_apart_until_it_trains() -> None:
    world = World(ddp()).registers().later(10)
    world.grants("worker-0").later(20).grants("worker-1").later(3)
    world.starts("worker-0").later(2).starts("worker-1").later(100)
    assert seconds(world) == {
        "Queued": 2 * 10 + 20,
        "Gathering": 20,
        "Starting": 2 * 3 + 2 * 2,
        "Training": 2 * 100,
    }


def test_of_processes_that_start_one_by_one_nobody_waits_for_another() -> None:
    world = World(
        job("Generic", FREE, {"minAvailable": 1}, roles={"worker": {"restartScope": "Replica"}}, worker=2)
    )
    world.runs().later(10).ends("worker-0", 1).later(5).grants("worker-0").later(2).starts("worker-0").later(
        3
    )
    assert seconds(world) == {"Training": 2 * 10 + 7 + 2 * 3, "Recovering": 7}


def test_until_the_first_step_it_starts() -> None:
    world = trains()
    world.later(50)
    assert seconds(world) == {"Starting": 10, "Training": 100}


def test_what_told_more_than_a_first_step_had_trained_before() -> None:
    world = Training(ddp()).runs().later(50)
    assert isinstance(world, Training)
    world.tells(*world.names, step=500).later(1)
    assert seconds(world) == {"Training": 102}


def test_a_step_that_is_told_late_counts_from_when_it_was_made() -> None:
    world = Training(ddp(), limits=THROUGH_NEW).runs().later(5)
    assert isinstance(world, Training)
    world.tells(*world.names, step=1)
    early = Training(ddp(), limits=THROUGH_NEW).runs().later(5)
    at = early.now - 2
    told = {k: replace(each, moved_at=at) for k, each in world.seen.reports.of.items()}
    early.sees(reports=replace(world.seen.reports, of=told))
    assert seconds(early) == {"Starting": 2 * 3, "Training": 2 * 2}

    early.tells(*early.names, step=1).ends("worker-0", 137).obeys().later(4)
    early.grants(*early.names, node="b").starts(*early.names).later(6)
    again = {
        k: replace(each, run=2, generation=2, step=1, moved_at=early.now - 1) for k, each in told.items()
    }
    early.sees(reports=replace(world.seen.reports, of=again))
    assert seconds(early) == {"Starting": 2 * 3, "Training": 2 * 2 + 2, "Recovering": 2 * 10 - 2}
    assert early.memory.ledger.causes == {"Killed": pytest.approx(18)}


def test_a_failure_costs_its_peers_until_the_first_step_and_what_is_made_again() -> None:
    """Ten steps are lost; made again at one a second, and looked at when five of them are new."""
    world = trains()
    world.later(100).tells(*world.names, step=101).ends("worker-0", 137).obeys()
    world.later(4).grants(*world.names, node="b").starts(*world.names).later(6)
    world.tells(*world.names, step=91).later(20).tells(*world.names, step=111).later(5)
    found = seconds(world)
    assert found.pop("Recovering") == 2 * 10
    assert found == {"Starting": 10, "Training": 2 * 100 + 2 * 10 + 2 * 5, "Replaying": 2 * 10}
    ledger = world.memory.ledger
    assert ledger.causes == {"Killed": pytest.approx(40)}
    assert ledger.hosts == {"a": pytest.approx(40)}


def test_time_without_a_step_before_a_failure_is_a_standstill() -> None:
    """Its node was lost: nobody said so for as long as YARN waits for a node."""
    world = trains()
    world.later(100).tells(*world.names, step=101, rate=1.0)
    world.listens(600).ends("worker-0", -100, "Container released on a *lost* node")
    world.later(0)
    found = seconds(world)
    assert found["Stalled"] == pytest.approx(2 * 599)
    assert found["Training"] == pytest.approx(2 * 101)
    assert world.memory.ledger.causes["NodeLost"] == pytest.approx(2 * 599)


def test_a_restart_that_an_edit_brings_is_no_failure() -> None:
    world = trains()
    world.later(10).declares(ddp(command="train --faster")).obeys().later(4)
    world.grants(*world.names, node="b").starts(*world.names).later(6)
    assert "Recovering" not in seconds(world)
    assert world.memory.ledger.causes == {}


def test_while_it_is_suspended_it_wants_nothing() -> None:
    world = World(ddp()).runs().later(10)
    world.declares(ddp(policy={"suspend": True})).later(2).obeys().closes().later(1000)
    assert seconds(world) == {"Training": 20, "Stopping": 4}
    world.declares(ddp()).registers().later(3)
    assert seconds(world) == {"Training": 20, "Stopping": 4, "Queued": 6}


def test_gpus_that_do_nothing_are_idle() -> None:
    world = World(ddp(worker=1)).runs()
    [container] = (r.container for r in world.memory.replicas)
    world.sees(gpus={container: HeldGpus((0,), 0)}).later(7).sees(gpus={container: HeldGpus((0,), 40)}).later(
        2
    )
    assert seconds(world) == {"Idle": 7, "Training": 2}


def test_an_end_that_waits_to_be_judged_is_recovered_from_already() -> None:
    world = World(ddp(), limits=Limits(first_cause_wait=100)).runs().later(10)
    world.ends("worker-0", 1).later(5)
    assert seconds(world) == {"Training": 20 + 5, "Recovering": 5}


def test_once_it_is_over_everything_is_on_its_way_out() -> None:
    world = World(ddp(policy={"backoffLimit": 0})).runs().later(10).ends("worker-0", 3).later(4)
    assert world.memory.verdict
    assert seconds(world) == {"Training": 20, "Stopping": 4}


def test_a_grant_that_is_of_no_use_is_on_its_way_out() -> None:
    world = World(ddp()).runs()
    world._add("worker-0", "b", 7, ContainerState.ALLOCATED)
    world.decides()
    assert seconds(world.later(3)) == {"Training": 6, "Stopping": 3}


def test_time_without_a_controller_goes_on_as_it_was() -> None:
    world = World(ddp()).runs().later(10)
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    listed = world.seen
    world.seen, world.now = Seen(cluster=listed.cluster), world.now + 100
    world.decides()
    world.seen, world.now = listed, world.now + 50
    world.decides()
    assert seconds(world) == {"Starting": 20, "Training": 300}


def test_what_was_being_started_when_its_controller_went_is_believed_to_have_run_soon() -> None:
    world = World(ddp()).registers().grants("worker-0", "worker-1")
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    assert seconds(world.later(100)) == {"Starting": 200}
    assert seconds(world.starts().later(7)) == {"Starting": 20, "Training": 194}


def test_of_a_run_that_an_older_controller_began_nothing_is_known() -> None:
    world = World(ddp()).runs()
    world.memory = replace(world.memory, ledger=type(world.memory.ledger)())
    world.memory.__dict__["ledger"] = type(world.memory.ledger)()
    assert seconds(world.later(10)) == {}


def test_a_run_that_is_begun_again_has_a_ledger_of_its_own() -> None:
    policy = {"backoffLimit": 0}
    world = World(ddp(policy=policy)).runs().later(10).ends("worker-0", 3).closes().later(100)
    world.declares(ddp(policy=policy | {"rerun": 1})).registers().later(3)
    assert seconds(world) == {"Queued": 6}


def test_an_application_that_is_over_holds_nothing() -> None:
    world = World(ddp()).runs().later(10).sees(application=AppState.KILLED).later(1000)
    assert seconds(world).get("Training") == 20


def test_nothing_is_written_for_it() -> None:
    world = trains()
    writes = len(world.writes)
    for step in range(2, 9):
        world.later(10).tells(*world.names, step=step)
    assert len(world.writes) == writes


def test_a_new_leader_that_has_heard_no_step_yet_takes_nobody_for_starting() -> None:
    world = trains()
    world.later(10).sees(reports=type(world.seen.reports)()).later(10)
    assert seconds(world) == {"Starting": 10, "Training": 40}


@pytest.mark.parametrize("late", [1, 50, 95, 1000])
@pytest.mark.parametrize("step", [5, 11])
def test_what_is_found_to_have_run_while_nobody_led_is_taken_off_once(late: float, step: int) -> None:
    """Its first step since the failure is told with the new leader's first look."""
    world = trains().later(10)
    assert isinstance(world, Training)
    world.tells(*world.names, step=10)
    told = world.seen.reports.of
    world.ends("worker-0", 137).obeys().later(1).grants(*world.names, node="b")
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.later(99)
    at, run = world.now - late, max(r.run for r in world.memory.replicas)
    again = {
        k: replace(each, run=run, generation=world.memory.generation, step=step, moved_at=at)
        for k, each in told.items()
    }
    world.seen = replace(world.seen, reports=replace(world.seen.reports, of=again))
    world.starts(*world.names).later(1)
    costs_are_what_was_lost(world)
    assert sum(seconds(world).values()) == pytest.approx(2 * (5 + 10 + 1 + 99 + 1), abs=1)


def test_a_second_failure_answers_for_nothing_that_ran_after_the_first() -> None:
    world = trains().later(100)
    world.ends("worker-0", 137).obeys().later(1).grants(*world.names, node="b")
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.later(99).ends("worker-0", 1).obeys().later(1)
    world.grants(*world.names, node="c").starts(*world.names).later(5)
    costs_are_what_was_lost(world)
    assert world.memory.ledger.hosts == {"a": pytest.approx(2 * 100 + 2 * 11), "b": pytest.approx(12)}


def test_who_was_suspended_gives_nothing_back_of_what_a_failure_cost() -> None:
    world = trains().later(100)
    world.ends("worker-0", 137).obeys().later(1).grants(*world.names, node="b")
    world.memory = raised(decode(encode(world.writes[-1])), 2)
    world.later(99).declares(ddp(policy={"suspend": True})).later(2).obeys().closes().later(10)
    world.declares(ddp()).runs()
    assert isinstance(world, Training)
    world.tells(*world.names, step=102).later(5)
    assert not world.memory.ledger.unsure
    costs_are_what_was_lost(world)


def costs_are_what_was_lost(world: World) -> None:
    ledger = world.memory.ledger
    assert sum(ledger.causes.values()) == pytest.approx(replica_seconds(ledger.total, LOST))
    assert all(cost >= 0 for cost in (*ledger.causes.values(), *ledger.hosts.values()))
    assert all(each >= 0 for part in ledger.total.values() for each in part)


# --- sums


def test_what_is_moved_is_no_more_than_there_is() -> None:
    total = {"Training": (0.0, 5.0, 10.0)}
    assert moved(total, (0, 3, 6), "Training", "Stalled") == {"Training": (0, 2, 4), "Stalled": (0, 3, 6)}
    assert moved(total, (0, 9, 99), "Training", "Stalled")["Training"] == (0, 0, 0)


def test_causes_and_nodes_are_bounded() -> None:
    known: dict[str, float] = {}
    for number in range(3 * MOST):
        known = dict(charged(known, f"n{number}", 1.0))
    assert len(known) == MOST + 1
    assert known[OTHERS] == 2 * MOST
    assert charged(known, "n0", 1.0)["n0"] == 2


def test_the_part_that_was_training_is_of_gpus_where_there_are_any() -> None:
    assert ratio({}) is None
    assert ratio({Spent.QUEUED: (9.0, 0, 0)}) is None
    assert ratio({Spent.TRAINING: (0, 3.0, 0), Spent.STARTING: (5.0, 1.0, 0)}) == 0.75
    assert ratio({Spent.TRAINING: (0, 3.0, 8.0), Spent.STARTING: (0, 1.0, 8.0)}) == 0.5


# --- what is shown of it


def test_the_status_tells_it_and_is_renewed_with_what_happens_and_seldom_without() -> None:
    world = World(ddp(), limits=THROUGH_NEW).runs().later(10)
    first = world.status.goodput
    assert first is not None
    assert world.later(PACE - 11).status.goodput == first, "else each pass would write a status"
    now = world.later(2).status.goodput
    assert now is not None
    assert (now.ratio, now.seconds) == (1.0, {"Training": 2 * PACE + 2})
    after = world.ends("worker-0", 137).later(7).obeys().status.goodput
    assert after is not None
    assert after.seconds.keys() >= {"Training", "Stopping", "Recovering"}


def test_the_history_keeps_it() -> None:
    world = World(ddp(policy={"backoffLimit": 1}), limits=THROUGH_NEW).registers().later(6)
    world.runs().later(10).ends("worker-0", 137).obeys().later(5)
    world.grants(*world.names, node="b").starts(*world.names).later(10).ends("worker-1", 3).obeys().closes()
    run = ended_run(world.memory, world.limits)
    assert run.spent is not None
    assert run.spent["Training"].container_seconds == 40
    assert run.spent["Queued"].waiting_seconds == 12
    assert run.spent["Recovering"].waiting_seconds == 10
    assert (run.lost_by_cause, run.lost_by_node) == ({"Killed": 10}, {"a": 10})
    assert decode_run(encode_run(run)) == run


def test_words_for_people() -> None:
    told = GoodputStatus(
        ratio=0.934,
        seconds={"Starting": 180, "Training": 15120},
        lost_by_cause={"Killed": 40, "NodeLost": 600},
        lost_by_node={"gpu-07": 640},
        time="2026-11-27T10:15:00Z",
    )
    assert goodput_words(told) == "93 % of what it held was training (Training 4h12m, Starting 3m)"
    assert lost_words(told) == "NodeLost 10m, Killed 40s; on gpu-07 10m"
    assert (goodput_words(None), lost_words(None)) == ("", "")
