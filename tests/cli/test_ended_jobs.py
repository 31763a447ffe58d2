"""Commands on jobs that have ended or run again, and edits that aren't taken over: each says what it did and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cli.in_store import YAML, declared, publish, seen
from cli.running import Ran
from cli.stored import ScriptedStore, refused, stored
from observe.pictures import condition, job
from trainmaster.api.status import ConditionType, EarlierLog, EarlierRun
from trainmaster.cli import hearing
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.log_choice import Stream, Wanted, chosen

Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No controller runs that could answer."""
    monkeypatch.setattr(hearing, "PATIENCE", 0.0)


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_what_makes_no_sense_of_an_ended_job_is_refused(trainmaster: Run, store: Path, command: str) -> None:
    publish(store, seen("Failed"))
    before = declared(store).read_text()
    ran = trainmaster(command, "mnist", "-n", "vision")
    assert (ran.code, ran.out) == (ExitCode.INVALID, "")
    assert ran.error == (
        f"error: mnist has ended (Failed): there is nothing to {command}. "
        "`trainmaster rerun mnist -n vision` runs it again"
    )
    assert declared(store).read_text() == before


def test_an_edit_of_an_ended_job_says_what_it_takes(trainmaster: Run, store: Path, file: Path) -> None:
    publish(store, seen("Succeeded"))
    note = (
        "note: mnist has ended (Succeeded), and the change starts nothing. "
        "`trainmaster rerun mnist -n vision` runs it again, as changed"
    )
    ran = trainmaster("scale", "mnist", "-n", "vision", "--replicas", "3")
    assert (ran.out, ran.error) == ("trainingjob/mnist configured: worker 3\n", note)
    file.write_text(YAML.replace("replicas: 2", "replicas: 3").replace("queue: gpu", "queue: cpu"))
    ran = trainmaster("apply", "-f", str(file))
    assert (ran.out, ran.error) == ("trainingjob/mnist configured\n", note)


def test_a_rerun_raises_the_number_and_never_comes_up_suspended(trainmaster: Run, store: Path) -> None:
    declared(store).write_text(YAML + "  runPolicy: {suspend: true}\n")
    publish(store, seen("Failed", rerun=4))
    ran = trainmaster("rerun", "mnist", "-n", "vision")
    assert ran.out == (
        "trainingjob/mnist will run again (rerun 5); runPolicy.suspend was true, and is false now\n"
    )
    assert yaml.safe_load(declared(store).read_text())["spec"]["runPolicy"] == {"suspend": False, "rerun": 5}


def test_wait_takes_no_end_of_the_run_before_for_the_one_that_is_wanted(
    trainmaster: Run, store: Path
) -> None:
    publish(store, seen("Failed"))
    trainmaster("rerun", "mnist", "-n", "vision")
    ran = trainmaster("wait", "mnist", "-n", "vision", "--for=condition=Finished", "--timeout", "0s")
    assert ran.code == ExitCode.TIMEOUT
    publish(store, seen("Succeeded", rerun=1))
    assert trainmaster("wait", "mnist", "-n", "vision", "--for=condition=Finished").code == 0


def test_an_edit_that_is_not_taken_over_is_heard(
    trainmaster: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, seen("Running"))
    ran = trainmaster("scale", "mnist", "-n", "vision", "--replicas", "3")
    assert ran.error.startswith("note: no controller has taken note of it within 0 s")
    monkeypatch.setattr(hearing, "_heard", lambda store, before: replace(before, status=refused("too large")))
    ran = trainmaster("scale", "mnist", "-n", "vision", "--replicas", "900")
    assert (ran.out, ran.error) == (
        "trainingjob/mnist scaled: worker 900\n",
        "note: not taken over: too large",
    )


def test_a_file_that_would_undo_a_command_asks(trainmaster: Run, store: Path, file: Path) -> None:
    trainmaster("suspend", "mnist", "-n", "vision")
    ran = trainmaster("apply", "-f", str(file))
    assert ran.code == ExitCode.INVALID
    assert "`trainmaster suspend` set it to true, and the file says false" in ran.error
    assert trainmaster("apply", "-f", str(file), "--force-conflicts").out == "trainingjob/mnist configured\n"


def test_the_queue_that_a_job_is_in_is_shown_and_not_the_one_that_was_not_taken_over(
    trainmaster: Run, store: Path
) -> None:
    no = condition(ConditionType.ACCEPTED, "ImmutableField", "spec.queue: can't change", status="False")
    yes = condition(ConditionType.RUNNING, "AllRunning", "2 of 2 processes run")
    publish(store, seen("Running", queue="cpu", conditions=(no, yes)))
    out = trainmaster("describe", "mnist", "-n", "vision").out
    assert "cpu (declared: gpu, not taken over)" in out
    assert "the newest declaration is not taken over: spec.queue: can't change" in out
    assert " cpu " in trainmaster("get", "mnist", "-n", "vision").out


def test_logs_of_a_run_that_is_not_known(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running", rerun=2, earlier_runs=(EARLIER,)))
    ran = trainmaster("logs", "mnist", "-n", "vision", "--rerun", "7")
    assert (ran.code, ran.error) == (
        ExitCode.MISSING,
        "error: mnist has no run 7 whose logs are known; it has 1, 2",
    )


def test_describe_tells_earlier_runs(trainmaster: Run, store: Path) -> None:
    publish(store, seen("Running", rerun=2, earlier_runs=(EARLIER,)))
    out = trainmaster("describe", "mnist", "-n", "vision").out
    assert "1  Failed, PermanentExit" in out
    assert "application_1_0000" in out


EARLIER = EarlierRun(
    rerun=1,
    state="Failed",
    reason="PermanentExit",
    message="worker-0 ended on a: exit code 1",
    application_ids=("application_1_0000",),
    completion_time="2025-06-15T15:06:40Z",
    logs=(
        EarlierLog(role="worker", index=0, code=1, log_url="http://a:8042/ws/v1/node/containers/c1/logs"),
        EarlierLog(role="ps", index=0, log_url="http://b:8042/ws/v1/node/containers/c2/logs"),
    ),
)


def test_logs_of_an_earlier_run_are_those_of_its_containers() -> None:
    shown_ = seen("Running", rerun=2, earlier_runs=(EARLIER,))
    found = chosen(shown_, Wanted("vision", "mnist", role="worker", rerun=1, streams=(Stream.STDERR,)))
    assert [(log.replica, log.http, log.container, log.file) for log in found] == [
        ("worker-0", "http://a:8042", "c1", "stderr")
    ]
    one = Wanted("vision", "mnist", index=0, rerun=1, streams=(Stream.STDERR,))
    assert [log.replica for log in chosen(shown_, one)] == ["worker-0", "ps-0"]
    assert chosen(shown_, replace(one, index=1)) == []


def test_an_edit_that_changes_nothing_of_what_is_declared_waits_for_no_controller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody takes note of it again: there is nothing to take note of."""
    hearing.told(ScriptedStore(stored()), stored())  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""
    other = stored(job=job(queue="cpu"))
    hearing.told(ScriptedStore(other), stored())  # type: ignore[arg-type]
    assert "no controller has taken note of it" in capsys.readouterr().err


def test_that_the_api_server_has_an_edit_is_not_yet_that_a_controller_took_it_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There the generation rises at once; the status says which one it is about."""
    edited = stored(job=job(queue="cpu"), generation=2)
    hearing.told(ScriptedStore(edited), stored())  # type: ignore[arg-type]
    assert "no controller has taken note of it" in capsys.readouterr().err
    judged = replace(edited, status=refused("spec.queue: no")).status
    assert judged
    after = replace(edited, status=judged.model_copy(update={"observed_generation": 2}))
    hearing.told(ScriptedStore(after), stored())  # type: ignore[arg-type]
    assert capsys.readouterr().err == "note: not taken over: spec.queue: no\n"
