"""What each further framework's processes are told, what the product starts for them, and what restarts."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.jobs import a_job, everywhere, having, told
from trainmaster.api.job import Framework, Launcher, RestartScope, TrainingJob
from trainmaster.frameworks import Placed, default_scope, environment, holds_addresses, script
from trainmaster.plan.end_words import describe

F, JOB, REPLICA = Framework, RestartScope.JOB, RestartScope.REPLICA
MEETING = [F.XGBOOST, F.JAX, F.HOROVOD]
"""those that count processes and meet at the first"""


def with_processes(job: TrainingJob, launcher: Launcher = Launcher.COMMAND, **counts: int) -> TrainingJob:
    update = {
        n: r.model_copy(update={"processes_per_replica": counts.get(n)}) for n, r in job.spec.roles.items()
    }
    return having(job, roles=update, launcher=launcher)


def test_jax_is_told_of_its_coordinator() -> None:
    assert told(a_job(F.JAX, worker=2), "worker", 1) == {
        "JAX_COORDINATOR_ADDRESS": "n1:20000",
        "JAX_NUM_PROCESSES": "2",
        "JAX_PROCESS_ID": "1",
    }


def test_xgboost_is_told_of_its_tracker() -> None:
    assert told(a_job(F.XGBOOST, worker=2), "worker", 1) == {
        "DMLC_TRACKER_URI": "n1",
        "DMLC_TRACKER_PORT": "20000",
        "DMLC_NUM_WORKER": "2",
        "DMLC_TASK_ID": "00001",
    }


def test_mxnet_is_told_of_its_scheduler_and_beats() -> None:
    assert told(a_job(F.MXNET, worker=2, server=1, scheduler=1), "server") == {
        "DMLC_ROLE": "server",
        "DMLC_NODE_HOST": "n1",
        "DMLC_PS_ROOT_URI": "n2",
        "DMLC_PS_ROOT_PORT": "20006",
        "DMLC_NUM_SERVER": "1",
        "DMLC_NUM_WORKER": "2",
        "PS_HEARTBEAT_INTERVAL": "1",
        "PS_HEARTBEAT_TIMEOUT": "10",
    }


def test_horovod_is_told_who_it_is_and_where_all_meet() -> None:
    assert told(a_job(F.HOROVOD, worker=2), "worker", 1) == {
        "HOROVOD_RANK": "1",
        "HOROVOD_SIZE": "2",
        "HOROVOD_LOCAL_RANK": "0",
        "HOROVOD_LOCAL_SIZE": "1",
        "HOROVOD_CROSS_RANK": "1",
        "HOROVOD_CROSS_SIZE": "2",
        "HOROVOD_HOSTNAME": "rank-1",
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": "n1",
        "HOROVOD_GLOO_RENDEZVOUS_PORT": "20000",
    }


def test_caffe_is_told_nothing_of_its_own() -> None:
    assert told(a_job(F.CAFFE, worker=1), "worker") == {}


@pytest.mark.parametrize("framework", MEETING)
def test_all_with_a_rank_restart_together_and_hold_the_first_ones_address(framework: Framework) -> None:
    job = a_job(framework, worker=2, evaluator=1)
    assert [default_scope(job, role) for role in job.spec.roles] == [JOB, REPLICA]
    assert [holds_addresses(job, "worker", index) for index in (0, 1)] == [True, False]
    assert told(job, "evaluator") == {}


def test_mxnet_restarts_together_and_holds_its_schedulers_address() -> None:
    job = a_job(F.MXNET, worker=1, server=1, scheduler=1, evaluator=1)
    assert [default_scope(job, role) for role in job.spec.roles] == [JOB, JOB, JOB, REPLICA]
    assert [role for role in job.spec.roles if holds_addresses(job, role)] == ["scheduler"]


@pytest.mark.parametrize("framework", [F.XGBOOST, F.HOROVOD])
def test_only_the_first_process_has_a_meeting_place_beside_it(framework: Framework) -> None:
    job = a_job(framework, worker=2, evaluator=1)
    beside = ["HELPER_PYTHON" in script(job, p) for p in everywhere(job)]
    assert beside == [True, False, False]


def run(text: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": "/usr/bin:/bin", **env}
    return subprocess.run(
        ["/bin/bash", "-c", text], cwd=folder, env=given, capture_output=True, text=True, check=False
    )


def test_a_meeting_place_that_fails_ends_the_process_beside_it(tmp_path: Path) -> None:
    job = a_job(F.XGBOOST, worker=2)
    text = script(job, everywhere(job)[0]).removesuffix("true") + "sleep 60"
    ended = run(text, tmp_path, HELPER_PYTHON="/nowhere/python")
    assert ended.returncode == -signal.SIGABRT
    assert ended.stderr.startswith("trainmaster: HELPER_PYTHON: no /nowhere/python")


@pytest.mark.parametrize(("framework", "module"), [(F.XGBOOST, "xgboost"), (F.HOROVOD, "horovod")])
def test_why_a_meeting_place_failed_is_told_with_the_end_of_the_process_beside_it(
    tmp_path: Path, framework: Framework, module: str
) -> None:
    job = a_job(framework, worker=2)
    told = environment(job, everywhere(job), everywhere(job)[0])
    ended = run(
        script(job, everywhere(job)[0]) + "; sleep 60", tmp_path, HELPER_PYTHON=sys.executable, **told
    )
    said = describe(128 - ended.returncode, f"Last 4096 bytes of stderr :\n{ended.stderr}")
    assert f"ModuleNotFoundError: No module named '{module}'" in said


STUB = """\
import time
class RabitTracker:
    def __init__(self, **_): pass
    def start(self): pass
    def worker_args(self): return {"dmlc_tracker_port": 4711}
    def wait_for(self): time.sleep(60)
"""


def test_workers_learn_the_trackers_port_and_a_new_tracker_may_follow_at_once(tmp_path: Path) -> None:
    (tmp_path / "xgboost").mkdir()
    (tmp_path / "xgboost" / "tracker.py").write_text(STUB)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    job = a_job(F.XGBOOST, worker=2)
    placed = [Placed("worker", index, "127.0.0.1", (port + index,), 1) for index in (0, 1)]
    told = {
        **environment(job, placed, placed[0]),
        "PYTHONPATH": str(tmp_path),
        "HELPER_PYTHON": sys.executable,
    }
    first, second = (script(job, p).removesuffix("true") + "echo $DMLC_TRACKER_PORT" for p in placed)
    for _ in (1, 2):
        with running(f"{first}; exec sleep 60", tmp_path, **told) as tracked:
            assert run(second, tmp_path, **told).stdout == "4711\n"
            assert tracked.stdout is not None
            assert tracked.stdout.readline() == "4711\n"


@contextmanager
def running(text: str, folder: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """The same in the background, ended with all that it started, as a NodeManager ends a container."""
    given = {"PATH": "/usr/bin:/bin", **env}
    command = ["/bin/bash", "-c", text]
    with subprocess.Popen(
        command, cwd=folder, env=given, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_pytorch_counts_processes_where_somebody_starts_several() -> None:
    job = with_processes(a_job(F.PYTORCH, worker=2, master=1), master=1, worker=3)
    known = told(job, "worker", 1)
    assert {name: known[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")} == {
        "RANK": "4",
        "WORLD_SIZE": "7",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "3",
    }
    assert (known["PET_NNODES"], known["PET_NODE_RANK"], known["PET_NPROC_PER_NODE"]) == ("3", "2", "3")


def test_a_pytorch_replica_has_a_process_for_each_gpu_unless_told() -> None:
    job = a_job(F.PYTORCH, gpus=2, worker=2)
    assert (told(job, "worker")["PET_NPROC_PER_NODE"], told(job, "worker")["WORLD_SIZE"]) == ("2", "2")
    ours = with_processes(job, Launcher.TRAINMASTER)
    assert (told(ours, "worker")["PET_NPROC_PER_NODE"], told(ours, "worker")["WORLD_SIZE"]) == ("2", "4")


def each(tmp_path: Path, command: str) -> subprocess.CompletedProcess[str]:
    job = with_processes(a_job(F.PYTORCH, worker=2), Launcher.TRAINMASTER, worker=3)
    role = job.spec.roles["worker"].model_copy(update={"command": command})
    job = having(job, roles={"worker": role})
    placed = everywhere(job)
    return run(script(job, placed[1]), tmp_path, **environment(job, placed, placed[1]))


def test_trainmaster_starts_each_process_with_its_own_rank(tmp_path: Path) -> None:
    ended = each(tmp_path, 'echo "it\'s $RANK of $WORLD_SIZE, $LOCAL_RANK of $LOCAL_WORLD_SIZE"')
    assert sorted(ended.stdout.splitlines()) == [f"it's {3 + i} of 6, {i} of 3" for i in range(3)]
    assert ended.returncode == 0


@pytest.mark.parametrize(("end", "code"), [("exit 7", 7), ("kill -9 $$", 137)])
def test_the_first_process_that_fails_ends_its_replica_with_its_code(
    tmp_path: Path, end: str, code: int
) -> None:
    ended = each(tmp_path, f"[ $LOCAL_RANK = 1 ] && {end}; exec sleep 60")
    assert ended.returncode == code


@given(st.integers(0, 2), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 4))
def test_ranks_of_all_processes_follow_each_other(masters: int, workers: list[int], processes: int) -> None:
    job = with_processes(a_job(F.PYTORCH, master=min(masters, 1), worker=len(workers)), worker=processes)
    placed = everywhere(job)
    taken: list[int] = []
    for p in sorted(placed, key=lambda p: (p.role != "master", p.index)):
        known = environment(job, placed, p)
        taken += [int(known["RANK"]) + local for local in range(int(known["LOCAL_WORLD_SIZE"]))]
        assert known["WORLD_SIZE"] == environment(job, placed, placed[0])["WORLD_SIZE"]
    assert taken == list(range(int(environment(job, placed, placed[0])["WORLD_SIZE"])))


def test_beside_parameter_servers_the_first_worker_is_the_chief() -> None:
    job = a_job(F.TENSORFLOW, ps=1, worker=2)
    assert told(job, "worker", 0)["TF_CONFIG"] == (
        '{"cluster": {"chief": ["n2:20002"], "worker": ["n1:20004"], "ps": ["n1:20000"]},'
        ' "task": {"type": "chief", "index": 0}}'
    )
    assert '"task": {"type": "worker", "index": 0}' in told(job, "worker", 1)["TF_CONFIG"]
    mirrored = a_job(F.TENSORFLOW, worker=2)
    assert "chief" not in told(mirrored, "worker")["TF_CONFIG"]


@given(st.sampled_from(MEETING), st.integers(1, 9), st.integers(0, 1))
def test_numbers_count_from_0_and_all_meet_at_the_first(
    framework: Framework, workers: int, chiefs: int
) -> None:
    job = a_job(framework, worker=workers, chief=chiefs, evaluator=1)
    name = {F.XGBOOST: "DMLC_TASK_ID", F.JAX: "JAX_PROCESS_ID", F.HOROVOD: "HOROVOD_RANK"}[framework]
    placed: list[Placed] = everywhere(job)
    known = [environment(job, placed, p) for p in placed if p.role != "evaluator"]
    assert sorted(int(e[name]) for e in known) == list(range(workers + chiefs))
    meeting = {
        framework: {"XGBoost": "DMLC_TRACKER_PORT", "Horovod": "HOROVOD_GLOO_RENDEZVOUS_PORT"}.get(framework)
    }
    first = next(e for e in known if int(e[name]) == 0)
    if at := meeting[framework]:
        assert {e[at] for e in known} == {first["TRAINMASTER_PORT"]}
    else:
        assert {e["JAX_COORDINATOR_ADDRESS"].rpartition(":")[2] for e in known} == {first["TRAINMASTER_PORT"]}
