"""Which lives are kept of a job: who ran where, from when to when, and how each process ended."""

from __future__ import annotations

from plan.build import THROUGH_NEW, World, job
from trainmaster.master.codec import decode, encode
from trainmaster.plan.ends import Life
from trainmaster.plan.past import MOST

FREE = {"backoff": {"base": 0}}


def pair(**more: object) -> World:
    return World(job("Generic", FREE, worker=2), **more).runs()  # type: ignore[arg-type]


def said(life: Life) -> tuple[str, int, str, int | None, str]:
    return str(life), life.run, life.host, life.code, life.cause


def test_a_process_that_failed_is_kept_with_its_times_and_its_end() -> None:
    told = pair()
    began = told.now
    told.now += 40
    told.ends("worker-1", 137)
    (life,) = told.memory.lives
    assert said(life) == ("worker-1", 1, "a", 137, "Killed")
    assert (life.began, life.ended, life.process) == (began, began + 40, 1)
    assert life.http == "a:8042", "its log is read there"


def test_nothing_is_kept_of_what_runs_and_nothing_twice() -> None:
    told = pair()
    assert told.memory.lives == ()
    told.ends("worker-0", 1).decides()
    told.later(5)
    assert [str(life) for life in told.memory.lives] == ["worker-0"]


def test_each_life_of_a_replica_is_one() -> None:
    told = pair()
    for _ in range(3):
        told.ends("worker-0", 137).runs(node="b")
    assert [(life.run, life.host) for life in told.memory.lives] == [(1, "a"), (2, "b"), (3, "b")]


def test_what_we_let_go_is_told_to_have_been_stopped_once_its_end_is_heard() -> None:
    told = World(
        job("Generic", FREE, roles={"worker": {"restartScope": "Job"}}, worker=2), limits=THROUGH_NEW
    ).runs()
    told.ends("worker-0", 137)
    assert {said(life)[0]: said(life)[3:] for life in told.memory.lives} == {
        "worker-0": (137, "Killed"),
        "worker-1": (None, ""),
    }
    told.now += 1
    told.obeys()
    ended = {str(life): life for life in told.memory.lives}
    assert said(ended["worker-1"])[3:] == (-105, "Stopped")
    assert ended["worker-1"].ended == told.now, "its end, and not when it was told to go"


def test_a_success_is_a_life_like_any_other() -> None:
    told = pair().ends("worker-1", 0)
    assert [said(life) for life in told.memory.lives] == [("worker-1", 1, "a", 0, "Succeeded")]


def test_a_replica_that_is_scaled_away_leaves_its_life() -> None:
    told = pair().declares(job("Generic", FREE, spec={"scaling": "Live"}, worker=1))
    assert [str(life) for life in told.memory.lives] == ["worker-1"]


def test_the_newest_are_kept_and_survive_the_journal() -> None:
    told = World(job("Generic", {**FREE, "backoffLimit": MOST + 9}, worker=1)).runs()
    for _ in range(MOST + 5):
        told.now += 1000
        told.ends("worker-0", 137).runs()
    assert len(told.memory.lives) == MOST
    assert told.memory.lives[-1].run == MOST + 5
    assert decode(encode(told.memory)).lives == told.memory.lives


def test_what_is_left_of_an_expired_job_keeps_none() -> None:
    told = World(job("Generic", {**FREE, "ttlAfterFinished": 10}, worker=1)).runs().ends("worker-0", 0)
    assert told.memory.lives
    assert told.memory.phases
    told.closes().later(60)
    assert told.memory.expired
    assert told.memory.lives == ()
    assert told.memory.phases == ()


def test_a_late_end_of_a_container_is_that_of_its_last_process() -> None:
    """Those before it had made place for it: they were told to go, and when that was is known."""
    told = World(job("Generic", FREE, roles={"worker": {"restartScope": "Job"}}, worker=2)).runs()
    told.now += 40
    told.ends("worker-0", 137)
    made_place = told.now
    told.begins_anew("worker-1")
    told.now += 40
    told.runs().begins_anew("worker-1").starts("worker-1")
    told.now += 40
    told.declares(job("Generic", {**FREE, "suspend": True}, worker=2))
    told.now += 5
    told.obeys()
    lives = [life for life in told.memory.lives if str(life) == "worker-1"]
    assert len({life.container for life in lives}) == 1, "one container"
    assert lives[0].process == 1
    assert [(life.code, life.cause) for life in lives[:-1]] == [(None, "")] * (len(lives) - 1)
    assert lives[0].ended == made_place
    assert (lives[-1].code, lives[-1].cause, lives[-1].ended) == (-105, "Stopped", told.now)
