"""What the verdict finds: each kind of loss is told, and a run without loss tells nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chaos.training import Job
from chaos.verdict import findings, leaked
from trainer.ledger import Ledger
from trainmaster.api.status import Condition, ConditionType, JobStatus


def job(folder: Path, steps: list[int], wanted: int = 3, servers: int = 0, **known: Any) -> Job:
    """A job of one worker that took these steps."""
    folder.mkdir(exist_ok=True)
    (folder / "worker-0.steps").write_text("".join(f"{step} 1\n" for step in steps))
    return Job("train", 1, wanted, servers, "Replica", "0s", Ledger(folder), declared=0.0, **known)


def entry(event: str, pid: int) -> str:
    return json.dumps({"event": event, "role": "worker", "index": 0, "run": 1, "pid": pid, "at": 0.0})


def status(true: ConditionType = ConditionType.SUCCEEDED, restarts: int = 0) -> JobStatus:
    condition = Condition(
        type=true, status="True", reason="Tested", message="", last_transition_time="2026-11-01T00:00:00Z"
    )
    return JobStatus(conditions=(condition,), restarts=restarts, state=str(true))


def test_a_job_that_did_all_of_its_steps_once_is_well(tmp_path: Path) -> None:
    assert findings([job(tmp_path, [1, 2, 3])], {"train": status()}) == []


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([1, 2, 2, 3], "steps [2] were taken more than once"),
        ([1, 2], "2 steps"),
        ([1, 3, 2], "3 steps"),
    ],
)
def test_a_step_that_is_lost_or_taken_twice_is_found(tmp_path: Path, steps: list[int], words: str) -> None:
    (found,) = findings([job(tmp_path, steps)], {"train": status()})
    assert found == f"train: worker-0 should have taken 3 steps, each once: {words}"


@pytest.mark.parametrize(("steps", "found"), [([], 0), ([1, 2], 0), ([1, 1], 1), ([2, 1], 1)])
def test_who_goes_on_for_ever_takes_no_step_twice(tmp_path: Path, steps: list[int], found: int) -> None:
    trained = job(tmp_path, [1, 2, 3], servers=1)
    (tmp_path / "ps-0.steps").write_text("".join(f"{step} 1\n" for step in steps))
    assert len(findings([trained], {"train": status()})) == found


def test_a_job_that_was_taken_back_needs_no_end_but_lost_no_step(tmp_path: Path) -> None:
    assert findings([job(tmp_path / "a", [1, 2], deleted=True)], {}) == []
    assert findings([job(tmp_path / "b", [1, 1], deleted=True)], {}) != []


@pytest.mark.parametrize("shown", [status(ConditionType.FAILED), JobStatus()])
def test_a_job_that_has_not_succeeded_is_found(tmp_path: Path, shown: JobStatus) -> None:
    (found,) = findings([job(tmp_path, [1, 2, 3])], {"train": shown})
    assert "should have succeeded" in found


def test_a_restart_that_nobody_caused_is_found(tmp_path: Path) -> None:
    assert findings([job(tmp_path, [1, 2, 3], kills=1)], {"train": status(restarts=1)}) == []
    (found,) = findings([job(tmp_path, [1, 2, 3], kills=1)], {"train": status(restarts=2)})
    assert "2 restarts are charged, and 1 of its processes were killed" in found


def test_two_of_one_identity_are_found(tmp_path: Path) -> None:
    trained = job(tmp_path, [1, 2, 3])
    (tmp_path / "ledger").write_text(entry("twice", 1) + "\n")
    assert findings([trained], {"train": status()}) == ["train: two processes were worker-0 at one time"]


def test_what_still_runs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = job(tmp_path, [1, 2, 3])
    (tmp_path / "ledger").write_text(entry("start", os.getpid()) + "\n")
    assert findings([trained], {"train": status()}) == [], "this process is no training"
    monkeypatch.setattr("trainer.ledger.TRAINER", Path("python"))
    assert "still runs" in findings([trained], {"train": status()})[0]


def test_a_secret_in_a_text_is_found() -> None:
    assert leaked(["s3cret", ""], {"log": "a s3cret", "other": "nothing"}) == ["log tells a secret"]


def test_where_no_process_was_given_a_secret_nothing_was_looked_for() -> None:
    assert leaked([""], {"log": "all is well"}) == [
        "no process was seen to be given a token, so that none could be looked for"
    ]
