"""MPI: what launcher and workers are told, and the two programs by which processes are started in a worker's container."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from frameworks.jobs import a_job, everywhere, of
from trainmaster.api.job import Framework, RestartScope, TrainingJob
from trainmaster.frameworks import (
    PEER_SECRET,
    default_scope,
    environment,
    fixed_world,
    holds_addresses,
    script,
    success_of,
    unstartable,
)
from trainmaster.frameworks.mpi_programs import SERVE, START

SECRET = "5ec2e7"


@pytest.fixture
def job() -> TrainingJob:
    return a_job(Framework.MPI, launcher=1, worker=2)


def test_the_launcher_is_told_how_mpirun_starts_its_daemons(job: TrainingJob) -> None:
    placed = everywhere(job)
    told = environment(job, placed, of(placed, "launcher", 0))
    assert told["OMPI_MCA_plm_rsh_no_tree_spawn"] == told["OMPI_MCA_if_base_do_not_resolve"] == "1"
    assert told["OMPI_MCA_orte_leave_session_attached"] == "1"
    assert told[PEER_SECRET] == "", "the brain says that one is wanted, and doesn't know it"
    worker = environment(job, placed, of(placed, "worker", 1))
    assert worker[PEER_SECRET] == ""
    assert not any(name.startswith("OMPI") for name in worker)


def test_the_launchers_end_decides_and_all_restart_together(job: TrainingJob) -> None:
    assert success_of(job).deciding == {("launcher", 0)}
    assert {default_scope(job, role) for role in job.spec.roles} == {RestartScope.JOB}
    assert fixed_world(job)
    assert holds_addresses(job, "worker")
    assert not holds_addresses(job, "launcher")


def test_one_that_is_too_large_for_a_variable_cannot_be_started() -> None:
    assert unstartable(a_job(Framework.MPI, launcher=1, worker=6000), 20)


def test_hosts_and_slots_lie_where_mpirun_looks(job: TrainingJob, tmp_path: Path) -> None:
    placed = everywhere(job)
    text = script(job, of(placed, "launcher", 0)) + '\necho "$OMPI_MCA_orte_default_hostfile"'
    said = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()).read_text() == "worker-0 slots=1\nworker-1 slots=1\n"


@pytest.mark.parametrize(("processes", "gpus", "slots"), [(4, 0, 4), (None, 2, 2), (None, 0, 1)])
def test_a_worker_has_a_slot_for_each_process_or_gpu(processes: int | None, gpus: int, slots: int) -> None:
    job = a_job(Framework.MPI, launcher=1, worker=1)
    worker = job.spec.roles["worker"]
    size = worker.resources.model_copy(update={"gpus": gpus})
    worker = worker.model_copy(update={"processes_per_replica": processes, "resources": size})
    roles = {**job.spec.roles, "worker": worker}
    job = job.model_copy(update={"spec": job.spec.model_copy(update={"roles": roles})})
    assert f"slots={slots}" in script(job, of(everywhere(job), "launcher", 0))


# --- the programs


class Worker:
    """One that waits for what it is to start, in a folder of its own."""

    def __init__(self, folder: Path, secret: str = SECRET) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.env = os.environ | {
            "TRAINMASTER_CLUSTER": json.dumps({"worker": [f"127.0.0.1:{self.port}"]}),
            "TRAINMASTER_ROLE": "worker",
            "TRAINMASTER_INDEX": "0",
            "TRAINMASTER_PORT": str(self.port),
            PEER_SECRET: secret,
        }
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE], cwd=folder, env=self.env, stderr=subprocess.PIPE
        )

    def start(self, *arguments: str, secret: str = SECRET) -> subprocess.Popen[str]:
        """What mpirun does instead of ssh."""
        command = [sys.executable, "-c", START, *arguments]
        env = self.env | {PEER_SECRET: secret}
        return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)

    def ran(self, *arguments: str, secret: str = SECRET) -> tuple[int, str]:
        """The same to its end: code, and what it said."""
        started = self.start(*arguments, secret=secret)
        _, said = started.communicate(timeout=60)
        return started.returncode, said

    def connect(self) -> socket.socket:
        until = time.monotonic() + 30
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 10)
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.02)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("code", [0, 7])
def test_a_command_runs_where_the_worker_is_and_its_code_comes_back(worker: Worker, code: int) -> None:
    assert worker.ran("-x", "worker-0", "echo", "here", ">made;", f"exit {code}") == (code, "")
    assert (worker.folder / "made").read_text() == "here\n"


def test_what_is_started_is_not_told_the_secret(worker: Worker) -> None:
    assert worker.ran("worker-0", "env", ">told") == (0, "")
    assert SECRET not in (worker.folder / "told").read_text()


def test_who_does_not_know_the_secret_starts_nothing(worker: Worker) -> None:
    assert worker.ran("worker-0", "touch", "made", secret="another") == (
        1,
        f"trainmaster: worker-0 (127.0.0.1:{worker.port}) doesn't take this job's word\n",
    )
    assert not (worker.folder / "made").exists()


def signed(*parts: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), b"".join(struct.pack(">I", len(p)) + p for p in parts), "sha256")


def test_what_was_overheard_cannot_be_said_again(worker: Worker) -> None:
    """The signature is of a number that the worker makes up anew for each caller."""
    command, own, answers = b"touch made-$RANDOM", b"n" * 32, []
    said = b""
    for _ in range(2):
        with worker.connect() as caller:
            number = caller.recv(32)
            signature = signed(b"run", number, own, b"worker-0", command)
            said = said or own + signature + struct.pack(">I", len(command)) + command
            caller.sendall(said)
            answers.append(caller.recv(32) == signed(b"begun", number, own) and caller.recv(33)[:1])
    assert answers == [b"\0", False]
    assert len(list(worker.folder.glob("made-*"))) == 1


@pytest.fixture
def eve() -> Iterator[socket.socket]:
    """Somebody who listens at the address of worker-1."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(30)
        yield made


def beside(worker: Worker, eve: socket.socket) -> Worker:
    addresses = [f"127.0.0.1:{worker.port}", f"127.0.0.1:{eve.getsockname()[1]}"]
    worker.env["TRAINMASTER_CLUSTER"] = json.dumps({"worker": addresses})
    return worker


def test_what_is_meant_for_one_worker_is_not_run_by_another(worker: Worker, eve: socket.socket) -> None:
    started = beside(worker, eve).start("worker-1", "touch made")
    caller, _ = eve.accept()
    with caller, worker.connect() as there:
        caller.sendall(there.recv(32))
        there.sendall(caller.recv(65536))
        assert there.recv(1) == b""
    started.kill()
    started.communicate()
    assert not (worker.folder / "made").exists()


@pytest.mark.parametrize("begins", [False, True])
def test_nobody_else_can_answer_for_a_worker(worker: Worker, eve: socket.socket, begins: bool) -> None:
    """Not even who passes on all that both say, and changes the end."""
    started = beside(worker, eve).start("worker-1", "exit 3")
    said = []
    for _ in range(1 if begins else 3):
        caller, _ = eve.accept()
        with caller:
            number = b"e" * 32
            caller.sendall(number)
            own = caller.recv(65536)[:32]
            answer = signed(b"begun", number, own) if begins else b"b" * 32
            caller.sendall(answer + b"\0" + b"c" * 32)
            said.append(caller.recv(1) if begins else b"")
    assert started.wait(60) == 1
    assert started.communicate()[1] == (
        "trainmaster: something else answered for worker-1\n"
        if begins
        else f"trainmaster: worker-1 (127.0.0.1:{eve.getsockname()[1]}) doesn't take this job's word\n"
    )


def test_callers_who_prove_nothing_keep_nobody_out(worker: Worker) -> None:
    """Though each of them says a little, now and then."""
    over = threading.Event()

    def holds() -> None:
        with worker.connect() as caller, contextlib.suppress(OSError):
            while not over.wait(2):
                caller.send(b"x")

    strangers = [threading.Thread(target=holds) for _ in range(80)]
    for each in strangers:
        each.start()
    assert worker.ran("worker-0", "true") == (0, "")
    over.set()
    for each in strangers:
        each.join()


def test_as_many_as_a_job_likes_may_run_at_one_time(worker: Worker) -> None:
    running = [worker.start("worker-0", "while [ ! -e go ]; do sleep 0.05; done") for _ in range(20)]
    assert worker.ran("worker-0", "touch go") == (0, "")
    assert [each.wait(60) for each in running] == [0] * 20
    for each in running:
        each.communicate()


@pytest.mark.parametrize("sent", [b"", b"x" * 10, b"x" * 32 + struct.pack(">I", 1 << 30)])
def test_nonsense_is_hung_up_on_and_hurts_nobody(worker: Worker, sent: bytes) -> None:
    with worker.connect() as caller:
        caller.recv(32)
        caller.sendall(sent)
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(1) == b""
    assert worker.ran("worker-0", "true") == (0, "")


def test_when_the_launcher_goes_what_it_had_started_goes_too(worker: Worker) -> None:
    started = worker.start("worker-0", "echo $$ >pid; exec sleep 600")
    until = time.monotonic() + 30
    while not (worker.folder / "pid").exists() or not (worker.folder / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)
    pid = int((worker.folder / "pid").read_text())
    started.kill()
    started.communicate()
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until + 30
        time.sleep(0.02)


def test_a_worker_without_a_secret_starts_nothing_for_anybody(tmp_path: Path) -> None:
    worker = Worker(tmp_path, secret="")
    _, said = worker.process.communicate(timeout=60)
    assert worker.process.returncode == 1
    assert b"given no secret" in said
