"""The engine on real YARN and HDFS: declared jobs start, are healed, and end; bad neighbours hurt nobody."""

from __future__ import annotations

from real.cluster import until
from real.reading import held
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api.status import ConditionType as C


def test_a_dropped_file_runs_to_success(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop(
        "first",
        eager(ps=trainer_role(ledger.folder, 2, steps=0), worker=trainer_role(ledger.folder, 2, steps=5)),
    )

    status = room.until_true("first", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert len(ledger.starts()) == 4
    assert not ledger.running(), "the parameter servers are stopped at the end"
    assert room.rest.application(status.application_id)["finalStatus"] == "SUCCEEDED"
    assert [c.restarts for c in status.roles.values()] == [0, 0]


def test_a_killed_worker_comes_back_under_the_same_identity(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop("healed", eager(worker=held(ledger, 2)))
    room.until_true("healed", C.RUNNING)
    victim = until(lambda: ledger.running("worker-1"))[0]

    victim.kill()
    restarted = room.until("healed", lambda status: status.restarts == 1)
    last = restarted.roles["worker"].replicas[1].last_exit
    ledger.go()
    status = room.until_true("healed", C.FINISHED)

    first, second = ledger.starts("worker-1")
    assert status.is_true(C.SUCCEEDED)
    assert second.run > first.run
    assert second.port == first.port
    assert ledger.twice() == []
    assert len(ledger.starts("worker-0")) == 1, "its neighbour need not notice"
    assert last is not None
    assert (last.code, last.cause, last.container) == (137, "Killed", first.container)
    assert status.roles["worker"].restarts == 1


def test_a_permanent_exit_names_code_node_and_log(room: Room, ledger: Ledger) -> None:
    room.controller()
    role = trainer_role(ledger.folder, 2, acts=[{"who": "worker-1", "step": 2, "do": "exit", "with": 41}])
    room.drop("broken", eager(worker={**role, "restartPolicy": "ExitCode"}))

    status = room.until_true("broken", C.FINISHED)

    failed = status.condition(C.FAILED)
    assert failed is not None
    assert failed.status == "True"
    last = status.roles["worker"].replicas[1].last_exit
    assert last is not None
    assert "exit code 41" in failed.message
    assert last.node in failed.message
    assert last.log_url in failed.message
    assert not ledger.running()


def test_deleting_the_file_stops_every_process(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop("gone", eager(worker=trainer_role(ledger.folder, 2, steps=0, term="ignore")))
    application = room.until_true("gone", C.RUNNING).application_id

    room.delete("gone")

    until(lambda: not ledger.running())
    until(lambda: room.rest.application(application)["state"] in ("FINISHED", "KILLED"))
    until(lambda: not room.names())


def test_suspended_and_resumed(room: Room, ledger: Ledger) -> None:
    room.controller()
    room.drop("paused", eager(worker=trainer_role(ledger.folder, 2, steps=60, pace=0.1)))
    first = room.until_true("paused", C.RUNNING).application_id

    room.edit("paused", {("spec", "runPolicy", "suspend"): True})
    room.until_true("paused", C.SUSPENDED)
    assert not ledger.running()
    room.edit("paused", {("spec", "runPolicy", "suspend"): False})
    status = room.until_true("paused", C.FINISHED)

    assert status.is_true(C.SUCCEEDED)
    assert status.application_id != first
    assert status.earlier_application_ids == (first,)
    assert ledger.twice() == []
