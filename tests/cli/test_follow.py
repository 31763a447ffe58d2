"""`run` follows a job: what it shows, what it exits with, and what a signal does."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading

import pytest
from rich.console import Console

from cli.stored import ScriptedStore, refused, stored, with_status
from observe.pictures import condition, exited, replica, role
from trainmaster.api.status import ConditionType
from trainmaster.cli import follow
from trainmaster.cli.exits import MissingError, TimedOutError
from trainmaster.cli.follow import Follower, OnInterrupt, result
from trainmaster.cli.progress import changes, panel
from trainmaster.cli.wait import until_gone
from trainmaster.errors import InvalidError, UnavailableError


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.01)


def follower(store: ScriptedStore, on_interrupt: OnInterrupt = OnInterrupt.ASK) -> Follower:
    return Follower(store, "vision", "mnist", on_interrupt)  # type: ignore[arg-type]  # a scripted store


def failed(code: int, cause: str = "Permanent", time: str = "2025-06-15T15:06:40Z", index: int = 0) -> object:
    end = exited(code, cause, "why").model_copy(update={"time": time})
    return replica(index, "Failed", last_exit=end)


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (stored(None), None),
        (stored("Running"), None),
        (stored("Succeeded"), 0),
        (stored("Failed"), 1),
        (with_status("Failed", roles={"worker": role(1, 0, replicas=(failed(42),))}), 42),
        (with_status("Failed", roles={"worker": role(1, 0, replicas=(failed(-104, "Memory"),))}), 1),
        (with_status("Failed", roles={"worker": role(1, 0, replicas=(failed(9, "Stopped"),))}), 1),
        (stored("Succeeded", generation=2), None),
    ],
)
def test_the_result_is_the_exit_code(shown: object, code: int | None) -> None:
    assert result(shown) == code  # type: ignore[arg-type]


def test_the_newest_charged_end_gives_the_code() -> None:
    replicas = (
        failed(3),
        failed(42, time="2025-06-15T15:07:40Z", index=1),
        failed(1, "Consequence", "2025-06-15T15:08:40Z", 2),
    )
    assert result(with_status("Failed", roles={"worker": role(3, 0, replicas=replicas)})) == 42


def test_a_refused_job_ends_the_run_with_the_reason() -> None:
    with pytest.raises(InvalidError, match="mnist was refused: 9000 MiB never fit"):
        result(stored(status=refused("9000 MiB never fit")))


def test_follows_to_the_end_through_a_store_that_was_away(capsys: pytest.CaptureFixture[str]) -> None:
    store = ScriptedStore(
        stored(None), UnavailableError("store away"), stored("Running"), stored("Succeeded")
    )
    assert follower(store).follow() == 0
    said = capsys.readouterr()
    assert said.err.count("warning: store away") == 1
    assert [line.split(": ", 1)[1] for line in said.out.splitlines()] == [
        "Declared: no controller has seen it yet",
        "Running: all processes run",
        "ps: 1/1 running",
        "worker: 2/2 running",
        "Succeeded",
    ]


def test_a_job_that_somebody_deleted_is_said_to_be_gone() -> None:
    with pytest.raises(MissingError, match="vision/mnist was deleted"):
        follower(ScriptedStore(stored("Running"), None)).follow()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_nobody_can_be_asked_a_signal_cancels(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    store = ScriptedStore(stored("Running"))
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
    assert follower(store).follow() == 128 + number
    assert store.deleted == [("vision", "mnist")]


def test_detaching_leaves_the_job_alone(capsys: pytest.CaptureFixture[str]) -> None:
    store = ScriptedStore(stored("Running"))
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert follower(store, OnInterrupt.DETACH).follow() == 143
    assert not store.deleted
    assert "mnist goes on" in capsys.readouterr().err


class Terminal(io.StringIO):
    """A person at a terminal, with the answers ready."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "code", "deleted"), [("c\n", 130, True), ("d\n", 130, False), ("\n", 0, False)]
)
def test_on_a_terminal_ctrl_c_asks(
    monkeypatch: pytest.MonkeyPatch, answer: str, code: int, deleted: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    store = ScriptedStore(*[stored("Running")] * 20, stored("Succeeded"))
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    made = follower(store)
    assert made.follow() == code
    assert bool(store.deleted) is deleted
    if not code:
        assert not made._wake.is_set()  # else it would look without any rest from then on


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    follower(ScriptedStore(stored("Succeeded"))).follow()
    assert signal.getsignal(signal.SIGTERM) == before


def test_changes_name_ends_first_then_the_state_then_counts() -> None:
    before = with_status("Running", roles={"worker": role(2, 2)})
    ended = replica(1, "BackingOff", last_exit=exited(137, "Retryable", "killed by\x1b signal 9"))
    restarting = (condition(ConditionType.RESTARTING, "BackingOff", "worker-1 again in 10 s"),)
    after = with_status(
        "Restarting", conditions=restarting, roles={"worker": role(2, 1, replicas=(ended,), failed=1)}
    )
    assert changes(before, after) == [
        "worker-1 ended on node1 (Retryable): killed by  signal 9",
        "Restarting: worker-1 again in 10 s",
        "worker: 1/2 running, 1 failed",
    ]
    assert changes(after, after) == []


def test_the_panel_shows_a_row_per_role_and_the_last_ends() -> None:
    ended = replica(0, "Running", last_exit=exited(137, "Retryable", "killed [bold]by[/bold] signal 9"))
    console = Console(file=io.StringIO(), width=120)
    console.print(panel(with_status("Running", roles={"worker": role(2, 1, replicas=(ended,), restarts=1)})))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "vision/mnist Running" in text
    assert ["worker", "2", "1", "0", "0", "1"] in [line.split() for line in text.splitlines()]
    assert "(Retryable): killed [bold]by[/bold] signal 9" in text


def test_another_job_of_its_name_is_not_waited_for() -> None:
    gone, unseen, again = stored(uid="uid-1"), stored(None, uid=""), stored(uid="uid-2")
    store = ScriptedStore(gone, unseen, again)
    until_gone(store, "vision", "mnist", 60, gone)  # type: ignore[arg-type]
    with pytest.raises(TimedOutError):
        until_gone(ScriptedStore(gone), "vision", "mnist", 0.0)  # type: ignore[arg-type]
