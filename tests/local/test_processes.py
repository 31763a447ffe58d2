import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainmaster.local import processes
from trainmaster.local.processes import Process
from trainmaster.local.registry import Registry

Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a shell script, and ends it at last."""
    started = []

    def run(script: str, **environ: str) -> Process:
        command = ["/bin/sh", "-c", script]
        started.append(processes.spawn(command, {"PATH": os.environ["PATH"], **environ}, tmp_path / "output"))
        return started[-1]

    yield run
    processes.end(started, grace=0)


def said(tmp_path: Path, text: str) -> None:
    """Wait until a script has said so."""
    deadline = time.monotonic() + 10
    while text not in (tmp_path / "output").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_lives_until_it_is_ended(start: Start) -> None:
    process = start("exec sleep 1000")
    assert processes.alive(process)
    assert processes.end([process], grace=10) == []
    assert not processes.alive(process)


def test_a_process_that_ended_by_itself_leaves_no_remains(start: Start) -> None:
    process = start("exit 3")
    assert processes.wait_gone([process], 10) == []
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, 0)


def test_a_process_lives_as_long_as_any_of_its_threads(start: Start, tmp_path: Path) -> None:
    thread = "threading.Thread(target=lambda: print('here', flush=True) or time.sleep(1000)).start()"
    leave = "ctypes.CDLL(None).pthread_exit(None)"  # the first thread, whose state /proc tells
    process = start(f'exec "{sys.executable}" -c "import ctypes, threading, time; {thread}; {leave}"')
    said(tmp_path, "here")
    state = Path(f"/proc/{process.pid}/status")
    while "State:\tZ" not in state.read_text():
        time.sleep(0.01)
    assert processes.alive(process)
    assert processes.end([process], grace=0) == []
    assert not processes.alive(process)


def test_one_that_does_not_listen_is_killed(start: Start, tmp_path: Path) -> None:
    process = start("trap '' TERM; echo deaf; while true; do sleep 0.1; done")
    said(tmp_path, "deaf")
    assert processes.end([process], grace=0.2) == []


def test_a_reused_number_is_another_process(start: Start) -> None:
    process = start("exec sleep 1000")
    earlier = Process(process.pid, "an-earlier-boot:1")
    assert not processes.alive(earlier)
    assert not processes.send(earlier, signal.SIGKILL)
    assert processes.alive(process)


def test_a_signal_to_nobody_is_told(start: Start) -> None:
    process = start("exit")
    processes.wait_gone([process], 10)
    assert not processes.send(process, signal.SIGTERM)


def test_another_child_of_ours_keeps_its_exit_code() -> None:
    """A stale record may bear the number of a child that somebody else waits for."""
    with subprocess.Popen(["/bin/sh", "-c", "exit 7"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not processes.alive(Process(child.pid, "an-earlier-boot:1"))
        assert child.wait() == 7


def test_output_is_appended(start: Start, tmp_path: Path) -> None:
    for word in ("one", "two"):
        processes.wait_gone([start(f"echo {word}; echo {word} >&2")], 10)
    assert (tmp_path / "output").read_text() == "one\none\ntwo\ntwo\n"


def test_it_starts_in_a_session_of_its_own_with_default_signals(start: Start) -> None:
    process = start("exec sleep 1000")
    assert os.getsid(process.pid) == process.pid
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = int(status.split("SigIgn:")[1].split()[0], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGINT - 1))


def test_processes_are_found_by_their_environment_and_session(start: Start, tmp_path: Path) -> None:
    marked = start("env -u PLACE sleep 1000 & echo going; wait", PLACE=f"{tmp_path}/node-1/local")
    other = start("exec sleep 1000", PLACE=f"{tmp_path}-2/node-1/local")
    said(tmp_path, "going")
    found = processes.with_environment(f"PLACE={tmp_path}/".encode())
    assert marked in found
    assert len(found) == 2
    assert other not in found
    processes.end(found, grace=1)


def test_a_whole_entry_can_be_asked_for(start: Start, tmp_path: Path) -> None:
    exact, longer = (start("exec sleep 1000", PLACE=f"{tmp_path}{end}") for end in ("", "-2"))
    found = processes.with_environment(f"PLACE={tmp_path}\0".encode())
    assert exact in found
    assert longer not in found


def test_a_registry_knows_who_runs(start: Start, tmp_path: Path) -> None:
    registry, process = Registry(tmp_path / "run"), start("exec sleep 1000")
    registry.note("namenode", process)
    assert registry.process("namenode") == process
    assert registry.running(["namenode", "datanode"]) == [process]
    assert registry.missing(["namenode", "datanode"]) == ["datanode"]
    assert abs(registry.since("namenode") - time.time()) < 60
    processes.end([process], grace=0)
    assert registry.process("namenode") is None
