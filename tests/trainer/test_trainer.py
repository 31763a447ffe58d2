"""The trainer does what the tests that use it rely on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainer.ledger import Ledger, trainer_role
from trainmaster.api.job import EnvVar, Framework, Metadata, Role, Spec, TrainingJob
from trainmaster.frameworks import Placed, environment

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a worker 0 the way a node does: its command in bash, with the environment of the job."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(run: int = 1, port: int = 0, acts: list[dict[str, object]] | None = None, **env: object):
        role = trainer_role(tmp_path, 1, acts, pace=0.01, **env)
        variables = tuple(EnvVar(**variable) for variable in role["env"])
        job = TrainingJob(
            metadata=Metadata(name="t"),
            spec=Spec(
                framework=Framework.GENERIC, roles={"worker": Role(command=role["command"], env=variables)}
            ),
        )
        me = Placed("worker", 0, "127.0.0.1", (port or free_port(),), run)
        told = {**os.environ, **environment(job, [me], me)}
        processes.append(subprocess.Popen(["bash", "-c", role["command"]], env=told))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_it_takes_its_steps_and_ends_well(start: Start, tmp_path: Path) -> None:
    assert start(steps=3, echo="TRAINER_STEPS,NOT_THERE").wait() == 0
    ledger = Ledger(tmp_path)
    [first] = ledger.starts("worker-0")
    assert ledger.steps("worker-0") == [(1, 1), (2, 1), (3, 1)]
    assert first.cluster == {"worker": [f"127.0.0.1:{first.port}"]}
    assert first.echo == {"TRAINER_STEPS": "3", "NOT_THERE": None}
    assert [e.code for e in ledger.entries("end")] == [0]


def test_it_resumes_where_a_killed_run_stopped(start: Start, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    process = start(acts=[{"who": "worker-0", "run": 1, "step": 3, "do": "wait", "with": "go"}], steps=4)
    ledger.until(lambda it: len(it.steps("worker-0")) == 2)
    assert [e.pid for e in ledger.running()] == [process.pid]
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not ledger.running()
    assert start(run=2, steps=4).wait() == 0
    assert ledger.steps("worker-0") == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert not ledger.twice()


def test_two_of_one_identity_are_told_of(start: Start, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    start(steps=0)
    ledger.until(lambda it: it.steps("worker-0"))
    start(run=2, steps=0)
    ledger.until(Ledger.twice)
    assert [e.run for e in ledger.twice()] == [2]


def test_a_taken_port_ends_it_with_1(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert start(port=server.getsockname()[1]).wait() == 1
    assert len(Ledger(tmp_path).entries("busy")) == 1


@pytest.mark.parametrize(
    ("act", "code"),
    [({"do": "exit", "with": 7}, 7), ({"do": "signal", "with": 9}, -9), ({"do": "burn", "with": 8}, 0)],
)
def test_it_does_what_it_is_told(start: Start, act: dict[str, object], code: int) -> None:
    assert start(acts=[{"who": "worker-0", "step": 2, **act}], steps=2).wait() == code


def test_acts_of_others_and_of_other_runs_are_not_its_own(start: Start) -> None:
    acts = [
        {"who": "worker-1", "step": 1, "do": "exit", "with": 7},
        {"who": "worker-0", "run": 2, "step": 1, "do": "exit", "with": 8},
    ]
    assert start(acts=acts, steps=2).wait() == 0


def test_it_waits_for_go_and_can_ignore_sigterm(start: Start, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    process = start(acts=[{"who": "worker-0", "step": 2, "do": "wait", "with": "go"}], steps=2, term="ignore")
    ledger.until(lambda it: it.steps("worker-0"))
    process.terminate()
    ledger.go()
    assert process.wait() == 0
