"""Lives of jobs on real YARN: what is restarted, what ends a job, and every change of mind.

The jobs of all tests are neighbours under one controller.
"""

from __future__ import annotations

import time
from pathlib import Path

from real.cluster import until
from real.reading import HELD, held, last_exit, message, processes, reason, states, trainers, worker
from real.rooms import Room, eager
from trainer.ledger import Ledger
from trainmaster.api import reasons
from trainmaster.api.status import ConditionType as C
from trainmaster.api.status import ReplicaState

# --- restarts


FAILS = [{"who": "worker-1", "step": 2, "do": "exit", "with": 3}]
"""each run of worker-1 ends with 3"""
LIMITS = [
    ("limit", {}, {"backoffLimit": 1}, reasons.BACKOFF_LIMIT_EXCEEDED, 2),
    ("most", {"maxRestarts": 1}, {}, reasons.MAX_RESTARTS_EXCEEDED, 2),
    ("never", {"restartPolicy": "Never"}, {}, reasons.PERMANENT_EXIT, 1),
    ("code", {"restartPolicy": "ExitCode"}, {}, reasons.PERMANENT_EXIT, 1),
]


def test_each_limit_of_restarts_ends_the_job_and_says_so(shared: Room, tmp_path: Path) -> None:
    ledgers = {name: Ledger(tmp_path / name) for name, *_ in LIMITS}
    for name, role, policy, *_ in LIMITS:
        job = eager(worker=trainers(ledgers[name], 2, acts=FAILS, steps=0) | role)
        job["runPolicy"] |= policy
        shared.drop(name, job)

    for name, _, _, why, starts in LIMITS:
        status = shared.until_true(name, C.FINISHED)
        assert reason(status, C.FAILED) == why, name
        assert "worker-1 ended on" in message(status, C.FAILED)
        assert "exit code 3" in message(status, C.FAILED)
        assert [r.state for r in status.roles["worker"].replicas] == [
            ReplicaState.STOPPED,
            ReplicaState.FAILED,
        ]
        assert len(ledgers[name].starts("worker-1")) == starts, name
        # Its neighbour isn't restarted; on a slow machine it was stopped before it could note its start.
        assert len(ledgers[name].starts("worker-0")) <= 1, name
        assert not ledgers[name].running()
        assert shared.rest.application(status.application_id)["finalStatus"] == "FAILED"


def test_a_restart_waits_for_its_backoff(shared: Room, ledger: Ledger) -> None:
    acts = [{"who": "worker-0", "run": 1, "step": 2, "do": "exit", "with": 3}]
    policy = {"backoff": {"base": "2s"}}
    shared.drop("waits", {"runPolicy": policy, "roles": {"worker": trainers(ledger, acts=acts, steps=2)}})

    status = shared.until("waits", lambda s: s.roles and worker(s).state is ReplicaState.BACKING_OFF)
    assert reason(status, C.RESTARTING) == reasons.BACKING_OFF
    assert "exit code 3" in message(status, C.RESTARTING)
    status = shared.until_true("waits", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1
    assert ledger.steps("worker-0") == [(1, 1), (2, 2)]


def test_always_means_also_after_success_and_is_not_charged(shared: Room, ledger: Ledger) -> None:
    job = eager(worker=trainers(ledger, steps=1) | {"restartPolicy": "Always"})
    job["runPolicy"] |= {"backoffLimit": 0}
    shared.drop("serves", job)

    until(lambda: len(ledger.entries("end")) >= 2)
    status = shared.until("serves", lambda s: s.roles and worker(s).run >= 3)
    assert status.restarts == 0
    assert not status.is_true(C.FINISHED)


def test_a_gang_is_restarted_as_one_and_charged_once(shared: Room, ledger: Ledger) -> None:
    role = held(ledger, 3) | {"restartScope": "Job"}
    shared.drop("gang", eager(worker=role))
    shared.until_true("gang", C.RUNNING)
    first = processes(ledger, 3)
    until(lambda: all(ledger.steps(e.who) for e in first))

    first[1].kill()  # the others die of it a moment later, as peers do
    first[2].kill()
    until(lambda: len(ledger.starts()) == 6)
    status = shared.until("gang", lambda s: s.restarts and s.is_true(C.RUNNING))
    causes = [r.last_exit.cause for r in status.roles["worker"].replicas if r.last_exit]
    assert causes.count("Killed") == 1, "the first cause"
    assert set(causes) <= {"Killed", "Stopped", "Consequence"}
    assert status.restarts == 1
    ledger.go()
    status = shared.until_true("gang", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.restarts == 1
    again = ledger.starts()[3:]
    assert len(again) == 3, "each came back once"
    assert len({str(e.cluster) for e in again}) == 1, "all were told of the same addresses"
    assert all(e.cluster["worker"][e.index].endswith(f":{e.port}") for e in again)
    assert ledger.twice() == []
    for entry in again:
        assert [step for step, _ in ledger.steps(entry.who)] == list(range(1, HELD + 1)), (
            "it went on where it was"
        )


def test_too_much_memory_is_told_with_how_much(shared: Room, ledger: Ledger) -> None:
    acts = [{"who": "worker-0", "step": 2, "do": "burn", "with": 300}]
    role = trainers(ledger, acts=acts, steps=0)
    shared.drop("hungry", {"runPolicy": {"backoffLimit": 0}, "roles": {"worker": role}})

    status = shared.until_true("hungry", C.FINISHED)
    end = last_exit(worker(status))
    assert (end.code, end.cause) == (-104, "Memory")
    assert "64 MB physical memory used" in end.message
    assert "it had asked for 64 MiB" in message(status, C.FAILED)


# --- ends


def test_an_application_killed_in_yarn_stays_ended(shared: Room, ledger: Ledger) -> None:
    shared.drop("killed", eager(worker=trainers(ledger, 2, steps=0)))
    application = shared.until_true("killed", C.RUNNING).application_id
    processes(ledger, 2)  # on a slow machine they take a while to say so

    shared.kill(application)
    status = shared.until_true("killed", C.FINISHED)

    assert reason(status, C.FAILED) == reasons.KILLED_OUTSIDE
    assert "killed in YARN: " in message(status, C.FAILED)
    until(lambda: not ledger.running())
    assert len(ledger.starts()) == 2


def test_whose_success_is_the_jobs(shared: Room, tmp_path: Path) -> None:
    led, any_ = Ledger(tmp_path / "led"), Ledger(tmp_path / "any")
    chief = trainers(led, steps=5)
    shared.drop("led", eager(chief=chief, ps=trainers(led, steps=0), worker=trainers(led, steps=0)))
    wait = [{"who": "worker-1", "step": 1, "do": "wait", "with": "never"}]
    either = eager(worker=trainers(any_, 2, acts=wait, steps=5)) | {"successPolicy": "AnyWorker"}
    shared.drop("either", either)

    status = shared.until_true("led", C.FINISHED)
    assert status.is_true(C.SUCCEEDED)
    assert states(status) == [ReplicaState.SUCCEEDED, ReplicaState.STOPPED, ReplicaState.STOPPED]
    assert len(led.starts()) == 3
    assert not led.running()
    status = shared.until_true("either", C.FINISHED)
    assert message(status, C.SUCCEEDED) == "worker-0 succeeded"
    assert not any_.running()


def test_a_job_that_is_active_for_too_long_fails(shared: Room, ledger: Ledger) -> None:
    job = eager(worker=trainers(ledger, steps=0))
    job["runPolicy"] |= {"activeDeadline": "2s"}
    shared.drop("long", job)

    status = shared.until_true("long", C.FINISHED)
    assert reason(status, C.FAILED) == reasons.ACTIVE_DEADLINE_EXCEEDED
    assert "more than 2 s" in message(status, C.FAILED)
    assert not ledger.running()


def test_deleted_at_any_moment_of_the_start_nothing_stays(shared: Room, ledger: Ledger) -> None:
    names = [f"short{i}" for i in range(6)]
    for name in names:
        shared.drop(name, eager(worker=trainers(ledger, 2, steps=0)))
        time.sleep(0.3)
    for name in names:
        shared.delete(name)

    until(lambda: not shared.names())
    until(lambda: not {name for name in names if name in shared.rest.live()})
    assert not ledger.running()


# --- changes of mind


def test_scaled_all_are_told_the_new_number_once(shared: Room, ledger: Ledger) -> None:
    shared.drop("counted", eager(worker=trainers(ledger, 2, steps=0)))
    shared.until_true("counted", C.RUNNING)
    before = processes(ledger, 2)

    shared.edit("counted", {("spec", "roles", "worker", "replicas"): 3})
    after = until(lambda: found if len(found := ledger.running()) == 3 else None)
    assert not {e.pid for e in after} & {e.pid for e in before}
    assert {_replicas(e.pid) for e in after} == {"3"}
    assert shared.until("counted", lambda s: s.workers_summary == "3/3").restarts == 0


def _replicas(pid: int) -> str:
    told = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(
        each.partition(b"=")[2].decode() for each in told if each.startswith(b"TRAINMASTER_REPLICAS=")
    )


def test_scaled_live_up_and_down_the_others_go_on(shared: Room, ledger: Ledger) -> None:
    shared.drop("scaled", {**eager(worker=trainers(ledger, 2, steps=0)), "scaling": "Live"})
    shared.until_true("scaled", C.RUNNING)
    before = processes(ledger, 2)

    shared.edit("scaled", {("spec", "roles", "worker", "replicas"): 4})
    more = processes(ledger, 4)
    assert [e.pid for e in more[:2]] == [e.pid for e in before]
    assert [e.who for e in more[2:]] != ["worker-0", "worker-1"]
    shared.edit("scaled", {("spec", "roles", "worker", "replicas"): 1})
    assert processes(ledger, 1) == [e for e in before if e.who == "worker-0"]
    status = shared.until("scaled", lambda s: s.workers_summary == "1/1")
    assert status.restarts == 0
    assert len(ledger.starts()) == 4


def test_an_edit_restarts_once_uncharged_and_a_priority_only_yarn(shared: Room, ledger: Ledger) -> None:
    shared.drop("edited", eager(worker=trainers(ledger, 2, steps=0)))
    application = shared.until_true("edited", C.RUNNING).application_id
    before = processes(ledger, 2)

    shared.edit("edited", {("spec", "priority"): 7})
    until(lambda: shared.rest.application(application)["priority"] == 7)
    assert ledger.running() == before
    role = trainers(ledger, 2, steps=0, echo="EDITION")
    shared.drop("edited", eager(worker=role) | {"priority": 7, "env": [{"name": "EDITION", "value": "2"}]})
    until(lambda: len(ledger.starts()) == 4)
    again = processes(ledger, 2)

    assert all(e.echo == {"EDITION": "2"} for e in again)
    status = shared.until("edited", lambda s: s.observed_generation == 3 and s.is_true(C.RUNNING))
    assert (status.application_id, status.restarts) == (application, 0)
    assert not status.is_true(C.RESTARTING)
    assert ledger.twice() == []
