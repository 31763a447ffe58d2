"""Commands and variables reach the process byte for byte, through a real shell and YARN's own rewriting."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainmaster.api.policies import NodeCheck
from trainmaster.hadoop.containers import LaunchContext
from trainmaster.master.launch import (
    CHUNK,
    NEIGHBOURS,
    NO_COPY,
    ORDER,
    TOLD,
    launch,
    order_of,
    script,
    waiting,
)
from trainmaster.plan.classify import NODE_UNFIT, NOT_UNDERSTOOD, PORT_TAKEN, STALE, Told, classify
from trainmaster.plan.end_words import describe
from trainmaster.plan.ends import Cause
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.pairs import PEERS, SIDE, paired

NASTY = """it's "quoted" $HOME `date` \\ back\\\\slash {{X}} }} <LOG_DIR> <CPS> %s ! * ~ # ; & | \n two\tlines é ☃"""
ORDERS = count(1)


def as_yarn_does(command: str, environment: dict[str, str], folder: Path) -> str:
    """What ContainerLaunch makes of a launch context: variables and command unescaped, its own words replaced."""
    exports = "\n".join(f'export {name}="{value}"' for name, value in environment.items())
    raw = f'{exports}\nexec /bin/bash -c "{command}"\n'
    return raw.replace("<LOG_DIR>", str(folder)).replace("<CPS>", ":").replace("{{", "$").replace("}}", "")


def run(
    environment: dict[str, str], command: str, folder: Path, ports: tuple[int, ...] = ()
) -> subprocess.CompletedProcess:
    return begun(launch(environment, command, "127.0.0.1", ports, {}, order=next(ORDERS)), folder)


def begun(
    context: LaunchContext, folder: Path, by: tuple[str, ...] = ("/bin/bash",)
) -> subprocess.CompletedProcess:
    launcher = folder / "launch_container.sh"
    launcher.write_text(as_yarn_does(context.command, dict(context.environment), folder))
    return subprocess.run([*by, str(launcher)], cwd=folder, capture_output=True, check=False, timeout=20)


BY_YARN = ("/bin/bash", "-c", "setsid -w /bin/bash $0; exit $?")
"""a shell that waits for it, in another session, and with all of the container's variables (default_container_executor.sh)"""


def test_variables_and_command_arrive_byte_for_byte(tmp_path: Path) -> None:
    tf_config = json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}})
    command = "printf '%s' \"$NASTY\" > nasty; printf '%s' \"$TF_CONFIG\" > tf; printf '%s' '\"$x\" {{y}} <LOG_DIR>' > text"
    assert run({"NASTY": NASTY, "TF_CONFIG": tf_config}, command, tmp_path).returncode == 0
    assert (tmp_path / "nasty").read_text() == NASTY
    assert (tmp_path / "tf").read_text() == tf_config
    assert (tmp_path / "text").read_text() == '"$x" {{y}} <LOG_DIR>'


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_value_arrives(value: str, tmp_path: Path) -> None:
    run({"VALUE": value}, "printf '%s' \"$VALUE\" > value", tmp_path)
    assert (tmp_path / "value").read_bytes().decode() == value


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("true\nfalse", 1), ("true # end", 0)]
)
def test_the_exit_code_is_the_commands(command: str, code: int, tmp_path: Path) -> None:
    assert run({}, command, tmp_path).returncode == code


LEAVES = "trap 'sleep 0.3; touch left; exit 7' TERM; touch there; while true; do sleep 0.02; done"
"""a program that takes a while to go when it is told to, and goes with a code of its own"""


@pytest.mark.parametrize(
    "command",
    [
        LEAVES,
        f'/bin/bash -c "{LEAVES}"; true',
        f'(/bin/bash -c "{LEAVES}" &) ; sleep 600',
        f"set -m; ({LEAVES}) & wait",
    ],
    ids=["itself", "a child", "an orphan", "a job of its own"],
)
def test_told_to_go_it_goes_last_and_says_that_it_was_told(command: str, tmp_path: Path) -> None:
    """A NodeManager starts the next process once the leader is gone, and only if it went with 143 or 137."""
    context = launch({}, command, "127.0.0.1", (), {})
    launcher = tmp_path / "launch_container.sh"
    launcher.write_text(as_yarn_does(context.command, dict(context.environment), tmp_path))
    leader = subprocess.Popen(["/bin/bash", str(launcher)], cwd=tmp_path, start_new_session=True)
    until((tmp_path / "there").exists)
    for group in _groups(leader.pid):
        os.killpg(group, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert (tmp_path / "left").exists()
    assert _groups(leader.pid) == set()


@pytest.mark.parametrize("after", [0.0, 0.3], ids=["at once", "later"])
def test_what_only_waits_goes_with_the_code_of_one_that_was_told(after: float, tmp_path: Path) -> None:
    launcher = tmp_path / "launch_container.sh"
    launcher.write_text(as_yarn_does(waiting().command, dict(waiting().environment), tmp_path))
    leader = subprocess.Popen(
        ["/bin/bash", str(launcher)], cwd=tmp_path, start_new_session=True, stdout=-1, stderr=-2
    )
    time.sleep(after)
    assert leader.poll() is None
    os.killpg(leader.pid, signal.SIGTERM)
    said, _ = leader.communicate(timeout=20)
    assert (leader.returncode in (143, -signal.SIGTERM), said) == (True, b"")
    until(lambda: _groups(leader.pid) == set())
    assert {path.name for path in tmp_path.iterdir()} <= {".trainmaster.order", launcher.name}


def test_what_only_waits_never_seems_to_have_succeeded(tmp_path: Path) -> None:
    """Nobody tells it to go any more, or it can't even begin."""
    for command in (
        waiting().command.replace("sleep 3600", "sleep 0"),
        waiting().command.replace("sleep", "/no/sleep"),
    ):
        order = waiting(next(ORDERS)).environment
        assert begun(LaunchContext(command, order), tmp_path).returncode == 143


@pytest.mark.parametrize("late", [7, 6], ids=["once more", "of before"])
def test_an_order_that_is_late_begins_nothing_and_says_so(late: int, tmp_path: Path) -> None:
    def of(order: int) -> LaunchContext:
        return launch({}, "echo begun", "127.0.0.1", (), {}, order=order)

    assert begun(of(7), tmp_path).returncode == 0
    for context in (of(late), waiting(late)):
        assert begun(context, tmp_path).returncode == STALE
    assert begun(of(8), tmp_path).returncode == 0
    assert (tmp_path / "stdout").read_text() == "begun\nbegun\n"


@pytest.mark.parametrize("wait", [True, False], ids=["what waits", "what trains"])
def test_nothing_begins_beside_what_a_nodemanager_lost_in_the_same_container(
    wait: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has called it ended, without having the pid to end it."""
    monkeypatch.setenv("CONTAINER_ID", "container_1_0001_01_000009")
    assert begun(launch({}, "true", "127.0.0.1", (), {}, order=1), tmp_path).returncode == 0
    asleep = ("sleep", "600")
    lost, stranger = (
        subprocess.Popen(asleep, start_new_session=True, env={**os.environ, "CONTAINER_ID": id_})
        for id_ in (os.environ["CONTAINER_ID"], "container_1_0001_01_0000099")
    )
    try:
        context = waiting(2) if wait else launch({}, "true", "127.0.0.1", (), {}, order=2)
        short = replace(context, command=context.command.replace("sleep 3600", "sleep 0"))
        assert begun(short, tmp_path, BY_YARN).returncode == (143 if wait else 0)
        assert lost.wait(20) == -signal.SIGKILL
        assert stranger.poll() is None
    finally:
        for process in (lost, stranger):
            process.kill()
            process.wait()


def test_orders_rise_with_each_process_and_with_each_leader() -> None:
    first, next_ = (Memory("u", "n", "j", epoch=epoch) for epoch in (3, 4))
    orders = [order_of(first, 1), order_of(first, 2), order_of(first, 3), order_of(next_, 2)]
    assert orders == sorted(set(orders))


def _groups(session: int) -> set[int]:
    """Process groups of a session."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group, its_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) == session and state != "Z":
                found.add(int(group))
    return found


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_output_is_appended_to_the_logs(tmp_path: Path) -> None:
    for _ in range(2):
        run({}, "echo out; echo err >&2", tmp_path)
    assert (tmp_path / "stdout").read_text() == "out\nout\n"
    assert (tmp_path / "stderr").read_text() == "err\nerr\n"


def test_nothing_of_the_user_is_seen_in_arguments_files_or_our_own_variables(tmp_path: Path) -> None:
    command = (
        "tr '\\0' '\\n' < /proc/$PPID/cmdline > arguments; env > environment; ls -A > files; umask > mask"
    )
    run({"SECRET": "hunter2"}, command, tmp_path)
    assert "hunter2" not in (tmp_path / "arguments").read_text()
    assert "TRAINMASTER_SCRIPT" not in (tmp_path / "environment").read_text()
    assert ".trainmaster.sh" not in (tmp_path / "files").read_text()
    assert (tmp_path / "mask").read_text() != "0077\n", "the user's own files keep the user's own mask"


def test_a_long_script_travels_in_parts(tmp_path: Path) -> None:
    noise = "".join(hashlib.sha256(str(i).encode()).hexdigest() for i in range(3000))
    context = launch({}, f"cat > copy <<'END'\n{noise}\nEND", "h", (), {})
    assert len(context.environment) > 1
    assert all(len(part) <= CHUNK for part in context.environment.values())
    run({}, f"cat > copy <<'END'\n{noise}\nEND", tmp_path)
    assert (tmp_path / "copy").read_text() == noise + "\n"


def test_a_taken_port_ends_it_before_the_command_runs(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run({}, "touch ran", tmp_path, (taken.getsockname()[1],))
    assert done.returncode == PORT_TAKEN
    assert not (tmp_path / "ran").exists()
    assert "is taken" in (tmp_path / "stderr").read_text()


def test_a_script_that_was_damaged_ends_with_our_own_code(tmp_path: Path) -> None:
    context = launch({}, "touch ran", "h", (), {})
    broken = dict.fromkeys(context.environment, "bm90IGd6aXA=") | {ORDER: "1"}
    launcher = tmp_path / "launch"
    launcher.write_text(as_yarn_does(context.command, broken, tmp_path))
    assert (
        subprocess.run(["/bin/bash", launcher], cwd=tmp_path, capture_output=True, check=False).returncode
        == NOT_UNDERSTOOD
    )


def test_the_script_reads_plainly() -> None:
    said = script({"A": "b c"}, "python3 train.py", "h", ())
    assert said == f"rm -f ./.trainmaster.sh\n{NO_COPY}\n\nexport A='b c'\n{NEIGHBOURS}\npython3 train.py\n"


def test_a_script_finds_its_neighbours_where_yarn_links_them(tmp_path: Path) -> None:
    for name, text in (("cache/1/main.py", "import other; print(other.X)"), ("cache/2/other.py", "X = 7")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
        (tmp_path / Path(name).name).symlink_to(tmp_path / name)
    run({}, f"{sys.executable} main.py", tmp_path)
    assert (tmp_path / "stdout").read_text() == "7\n"


def test_a_users_python_path_and_the_shipped_modules_are_both_on_it(tmp_path: Path) -> None:
    for name, text in (
        ("cache/1/main.py", "import shipped, theirs; print(shipped.X + theirs.X)"),
        ("cache/2/shipped.py", "X = 7"),
        ("library/theirs.py", "X = 10"),
        ("library/shipped.py", "X = -1000"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("1/main.py", "2/shipped.py"):
        (tmp_path / Path(name).name).symlink_to(tmp_path / "cache" / name)
    for path in (f"{tmp_path}/library", f"/nowhere:{tmp_path}/library"):
        run({"PYTHONPATH": path}, f"cd /; {sys.executable} {tmp_path}/main.py", tmp_path)
    assert (tmp_path / "stdout").read_text() == "17\n17\n"
    assert not (tmp_path / "stderr").read_text()


def test_the_module_by_which_a_training_tells_its_steps_is_found_after_all_that_is_the_users(
    tmp_path: Path,
) -> None:
    told = {"TRAINMASTER_STATUS_URL": "http://127.0.0.1:9/x", "TRAINMASTER_STATUS_TOKEN": "secret"}
    python = f"{sys.executable} -c 'import trainmaster_report as r; print(r.__file__); r.report(5)'"
    assert run(told, f"{python} > found", tmp_path).returncode == 0
    assert (tmp_path / "found").read_text().strip() == f"{tmp_path}/.trainmaster/trainmaster_report.py"
    (tmp_path / "trainmaster_report.py").write_text("def report(step): pass\n")
    assert run(told, f"{python} > found", tmp_path).returncode == 0
    assert (tmp_path / "found").read_text().strip() == f"{tmp_path}/trainmaster_report.py"


def test_without_a_door_nothing_is_brought(tmp_path: Path) -> None:
    assert run({}, "echo $PYTHONPATH > path", tmp_path).returncode == 0
    assert not (tmp_path / ".trainmaster").exists()
    assert ".trainmaster" not in (tmp_path / "path").read_text()


# --- the whole tree of a process


def leader_of(folder: Path, command: str, grace: float) -> subprocess.Popen[bytes]:
    """As a NodeManager starts it: in a session and a group of its own."""
    context = launch({}, command, "127.0.0.1", (), {}, order=next(ORDERS), grace=grace)
    launcher = folder / "launch_container.sh"
    launcher.write_text(as_yarn_does(context.command, dict(context.environment), folder))
    # As a NodeManager starts it: whoever runs the tests in the background has these signals ignored, for ever.
    command_line = ["env", "--default-signal=INT,QUIT", "/bin/bash", str(launcher)]
    return subprocess.Popen(command_line, cwd=folder, start_new_session=True)


def lives(pid: str) -> bool:
    stat = Path("/proc") / pid / "stat"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


AWAY = (
    "setsid /bin/bash -c \"trap 'touch told; exit' TERM; echo \\$\\$ >away; while :; do sleep 0.05; done\" &"
)
"""a child in a session of its own"""
DEAF = "setsid /bin/bash -c \"trap '' TERM; echo \\$\\$ >away; while :; do sleep 0.05; done\" &"


def away(folder: Path) -> str:
    until((folder / "away").exists)
    until(lambda: (folder / "away").read_text().strip())
    return (folder / "away").read_text().strip()


def test_children_in_other_sessions_are_told_as_well_and_waited_for(tmp_path: Path) -> None:
    leader = leader_of(tmp_path, f"{AWAY} sleep 600", grace=20)
    child = away(tmp_path)
    time.sleep(0.2)
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert (tmp_path / "told").exists()
    assert not lives(child)
    assert _groups(leader.pid) == set()


TOLD_EACH_TIME = """
import os, signal, sys, time
def told(number, frame):
    with open("told", "a") as file:
        file.write("once more\\n")
signal.signal(signal.SIGTERM, told)
print(os.getpid(), file=open("away", "w"), flush=True)
while not os.path.exists("told"):
    time.sleep(0.02)
time.sleep(0.5)
"""
SUPERVISOR = """
import os, signal, subprocess, sys
def told(number, frame):
    os.killpg(child.pid, signal.SIGTERM)
{catches}signal.signal(signal.SIGTERM, told)
child = subprocess.Popen([sys.executable, "child.py"], start_new_session=True)
child.wait()
"""
"""starts a process in a session of its own, as torchrun does, and hands on to it what it is told itself"""


@pytest.mark.parametrize(
    "command",
    [
        f"{sys.executable} supervisor.py",
        f"{sys.executable} supervisor.py; true",
        f"setsid {sys.executable} supervisor.py & wait",
        f"{sys.executable} careless.py",
        f"trap 'true' EXIT; setsid {sys.executable} child.py & wait",
        f"(setsid {sys.executable} child.py &); sleep 600",
    ],
    ids=["a supervisor", "under a shell", "away itself", "one that hands nothing on", "a shell", "an orphan"],
)
def test_each_process_is_told_once_by_whoever_is_in_charge_of_it(command: str, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(TOLD_EACH_TIME)
    (tmp_path / "supervisor.py").write_text(SUPERVISOR.format(catches=""))
    (tmp_path / "careless.py").write_text(SUPERVISOR.format(catches="# "))
    leader = leader_of(tmp_path, command, grace=20)
    away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert (tmp_path / "told").read_text() == "once more\n"


LEAVES_ITS_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(0)))
child = subprocess.Popen(["setsid", "sleep", "600"])
print(child.pid, file=open("away", "w"), flush=True)
child.wait()
"""


def test_who_is_left_by_the_one_in_charge_is_told_then(tmp_path: Path) -> None:
    """It would be waited for until its time is over."""
    (tmp_path / "leaves.py").write_text(LEAVES_ITS_CHILD)
    leader = leader_of(tmp_path, f"{sys.executable} leaves.py", grace=600)
    child = away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    try:
        assert leader.wait(20) == 143
        assert not lives(child)
    finally:
        os.kill(int(child), signal.SIGKILL) if lives(child) else None


SLOW_TO_CATCH = """
import os, signal, time
print("there", file=open("away", "w"), flush=True)
while not os.path.exists("leaving"):
    time.sleep(0.05)
time.sleep(1)  # as long as it takes to import torch
signal.signal(signal.SIGTERM, lambda *_: print("once more", file=open("told", "a"), flush=True))
print("does", file=open("catches", "w"), flush=True)
end = time.monotonic() + 2.5
while time.monotonic() < end:
    time.sleep(0.05)
print("done", file=open("saved", "w"), flush=True)
"""
LEAVES_IT = """
import os, signal, subprocess, sys, time
def leave(*_):
    print("now", file=open("leaving", "w"), flush=True)
    while not os.path.exists("catches"):
        time.sleep(0.05)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
subprocess.Popen([sys.executable, "child.py"], start_new_session=True).wait()
"""


def test_who_has_come_to_catch_it_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """It may be at its checkpoint, and each further signal may break that off."""
    (tmp_path / "child.py").write_text(SLOW_TO_CATCH)
    (tmp_path / "leaves.py").write_text(LEAVES_IT)
    leader = leader_of(tmp_path, f"{sys.executable} leaves.py", grace=600)
    away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(30) == 143
    assert (tmp_path / "saved").exists()
    assert not (tmp_path / "told").exists()


UPLOADS = """
import signal, subprocess, sys, time
def save(*_):
    time.sleep(0.3)
    subprocess.Popen(["setsid", "/bin/sh", "-c", "sleep 2.5; echo done >uploaded"])
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("there", file=open("away", "w"), flush=True)
while True:
    time.sleep(0.1)
"""


def test_what_is_begun_to_bring_a_checkpoint_home_has_its_time(tmp_path: Path) -> None:
    (tmp_path / "uploads.py").write_text(UPLOADS)
    leader = leader_of(tmp_path, f"{sys.executable} uploads.py", grace=600)
    away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert (tmp_path / "uploaded").exists()


def test_that_it_was_told_can_be_read_beside_its_logs_until_another_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an answer got lost, a controller looks there before it tells it again."""
    monkeypatch.setenv("CONTAINER_ID", "container_1_0001_01_000012")
    leader = leader_of(tmp_path, f"trap '' TERM; {DEAF} sleep 600", grace=600)
    away(tmp_path)
    assert not (tmp_path / TOLD).exists()
    os.killpg(leader.pid, signal.SIGTERM)
    until((tmp_path / TOLD).exists)
    os.killpg(leader.pid, signal.SIGKILL)
    leader.wait(20)
    assert leader_of(tmp_path, "true", grace=1).wait(20) == 0
    assert not (tmp_path / TOLD).exists()


def test_nobody_is_ended_before_its_time(tmp_path: Path) -> None:
    """Bash counts the seconds at which the clock strikes, and would call the last tenth of one a second."""
    leader = leader_of(tmp_path, "trap '' TERM; touch away; while :; do sleep 0.02; done", grace=1)
    until((tmp_path / "away").exists)
    until(lambda: 0.8 < time.time() % 1 < 0.9)
    told = time.monotonic()
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert time.monotonic() - told >= 1


@pytest.mark.parametrize(
    "command", [f"trap '' TERM; {DEAF} sleep 600", f"{DEAF} sleep 600"], ids=["all deaf", "a child"]
)
def test_when_their_time_is_over_all_are_ended_though_nobody_comes(command: str, tmp_path: Path) -> None:
    leader = leader_of(tmp_path, command, grace=1)
    child = away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    assert leader.wait(20) == 143
    assert not lives(child)
    assert _groups(leader.pid) == set()


def test_what_a_nodemanager_kills_leaves_no_child_behind(tmp_path: Path) -> None:
    """It sends SIGTERM to the group and SIGKILL 250 ms later, whatever time the role has."""
    leader = leader_of(tmp_path, f"trap '' TERM; {DEAF} sleep 600", grace=600)
    child = away(tmp_path)
    os.killpg(leader.pid, signal.SIGTERM)
    time.sleep(0.25)
    os.killpg(leader.pid, signal.SIGKILL)
    leader.wait(20)
    until(lambda: not lives(child))


@pytest.mark.parametrize("code", [0, 7])
def test_what_a_program_leaves_behind_is_ended_with_it(code: int, tmp_path: Path) -> None:
    leader = leader_of(tmp_path, f"{AWAY} while [ ! -s away ]; do sleep 0.02; done; exit {code}", grace=600)
    assert leader.wait(20) == code
    assert not lives(away(tmp_path))
    until(lambda: _groups(leader.pid) == set())


def test_the_next_process_of_a_container_is_none_of_the_guards_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTAINER_ID", "container_1_0001_01_000011")
    first = leader_of(tmp_path, f"trap '' TERM; {DEAF} sleep 600", grace=600)
    away(tmp_path)
    os.killpg(first.pid, signal.SIGTERM)
    time.sleep(0.3)
    second = leader_of(tmp_path, "sleep 2; exit 5", grace=600)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(20)
    assert second.wait(20) == 5


def test_an_interrupt_reaches_the_program_as_ever(tmp_path: Path) -> None:
    """Of what runs in the background bash would have signals 2 and 3 ignored."""
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    leader = leader_of(tmp_path, f'{sys.executable} -c "{program}"', grace=1)
    assert leader.wait(20) == 0
    assert (tmp_path / "stdout").read_text() == "True\n"


# --- the check of a node


def checked(
    command: str, folder: Path, program: str = "echo $1-$#-$KEPT > ran", timeout: float = 60
) -> subprocess.CompletedProcess:
    check = NodeCheck(command=command, timeout=timeout)
    program = "echo $1-$#-$KEPT > ran"
    context = launch({"KEPT": "a b"}, program, "127.0.0.1", (), {}, order=next(ORDERS), check=check)
    return begun(context, folder)


def test_a_program_begins_once_its_node_has_passed_the_check(tmp_path: Path) -> None:
    done = checked('test "$KEPT" = "a b" && KEPT=changed && read -r line; echo "checked $line"', tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "ran").read_text() == "-0-a b\n"
    assert (tmp_path / "stdout").read_text() == "checked \n"
    assert not list(tmp_path.glob(".trainmaster-check*"))


@pytest.mark.parametrize(
    ("command", "timeout", "said"),
    [
        ("echo no GPU is visible >&2; exit 3", 60, "nodeCheck ended with exit code 3: no GPU is visible"),
        ("kill -9 $$", 60, "nodeCheck ended with exit code 137"),
        ("exit 124", 60, "nodeCheck ended with exit code 124"),
        ("sleep 30", 1, "nodeCheck took longer than 1 s"),
        ("sleep 30; exit 3", 0.5, "nodeCheck took longer than 0.5 s"),
        ("trap '' TERM; sleep 1; sleep 30", 1, "nodeCheck took longer than 1 s"),
    ],
)
def test_on_a_node_that_fails_the_check_nothing_begins_and_the_reason_is_told(
    command: str, timeout: float, said: str, tmp_path: Path
) -> None:
    done = checked(command, tmp_path, timeout=timeout)
    assert done.returncode == NODE_UNFIT
    assert not (tmp_path / "ran").exists()
    words = f"Exit code: 77\nLast 4096 bytes of stderr :\n{(tmp_path / 'stderr').read_text()}"
    assert classify(Told(done.returncode, words=words)) is Cause.NODE_CHECK
    assert describe(done.returncode, words).startswith(f"its node failed: {said}")


ASKS = 'echo "$TRAINMASTER_CHECK_ROUND $TRAINMASTER_CHECK_PEER" >>rounds; '


def tried(
    command: str, folder: Path, peers: str = "b:1,c:2", timeout: float = 60
) -> subprocess.CompletedProcess:
    check = NodeCheck(command=ASKS + command, timeout=timeout, pairs=True)
    told = {PEERS: peers, SIDE: "listen"} if peers else {}
    program = f"echo begun-${{{PEERS}-}}-${{{SIDE}-}} > ran"
    return begun(launch(told, program, "127.0.0.1", (), {}, order=next(ORDERS), check=check), folder)


@pytest.mark.parametrize("fails_with", ["b:1", "c:2"])
def test_a_node_that_passes_with_one_of_its_partners_is_sound(fails_with: str, tmp_path: Path) -> None:
    done = tried(f'[ "$TRAINMASTER_CHECK_PEER" != {fails_with} ]', tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "rounds").read_text() == "1 b:1\n2 c:2\n"
    assert (tmp_path / "ran").read_text() == "begun--\n"
    assert not list(tmp_path.glob(".trainmaster-check*"))


def test_a_node_that_fails_with_both_partners_is_named(tmp_path: Path) -> None:
    done = tried("exit 6", tmp_path)
    assert (done.returncode, (tmp_path / "ran").exists()) == (NODE_UNFIT, False)
    words = f"Exit code: 77\nLast 4096 bytes of stderr :\n{(tmp_path / 'stderr').read_text()}"
    assert classify(Told(done.returncode, words=words)) is Cause.NODE_CHECK
    assert "nodeCheck ended with exit code 6 with b:1 and ended with exit code 6 with c:2" in describe(
        done.returncode, words
    )


def test_whoever_has_no_partner_tries_its_node_alone(tmp_path: Path) -> None:
    assert tried("exit 0", tmp_path, peers="").returncode == 0
    assert (tmp_path / "rounds").read_text() == "1 \n"
    assert tried("exit 3", tmp_path, peers="").returncode == NODE_UNFIT


def test_a_round_that_takes_too_long_leaves_the_next_one_its_time(tmp_path: Path) -> None:
    assert tried("[ $TRAINMASTER_CHECK_ROUND = 2 ] || sleep 30", tmp_path, timeout=1).returncode == 0
    done = tried("sleep 30", tmp_path, timeout=1)
    assert done.returncode == NODE_UNFIT
    assert (
        "took longer than 1 s with b:1 and took longer than 1 s with c:2" in (tmp_path / "stderr").read_text()
    )


def in_the_docs() -> NodeCheck:
    """The check that docs/behaviour.md shows, with less patience."""
    text = (Path(__file__).parents[2] / "docs/behaviour.md").read_text()
    blocks = (part.partition("```")[0] for part in text.split("```yaml\n"))
    block = next(block for block in blocks if "pairs: true" in block)
    written = yaml.safe_load(block)["spec"]["nodeCheck"]
    return NodeCheck.model_validate(written | {"timeout": "4s"})


@pytest.mark.parametrize("bad", [0, 3], ids=["one that listens", "one that connects"])
def test_of_four_nodes_that_try_their_network_the_broken_one_fails_alone(bad: int, tmp_path: Path) -> None:
    """All are this machine; the broken one's check reaches nobody."""
    with contextlib.ExitStack() as open_:
        doors = [open_.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [door.getsockname()[1] for door in doors]
    rows = [ReplicaMemory(Key("w", n), host=f"n{n}", ports=(port,)) for n, port in enumerate(ports)]
    check = in_the_docs()

    def runs(me: ReplicaMemory) -> int:
        told = {name: re.sub(r"n\d:", "127.0.0.1:", words) for name, words in paired(rows)[me.key].items()}
        told |= {"TRAINMASTER_PORT": str(me.ports[0])}
        mine = check.model_copy(update={"command": "sleep 30"}) if me.key.index == bad else check
        context = launch(told, "true", "127.0.0.1", (), {}, order=next(ORDERS), check=mine)
        (folder := tmp_path / str(me.key)).mkdir()
        return begun(context, folder).returncode

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(runs, rows))
    assert [code == NODE_UNFIT for code in codes] == [n == bad for n in range(4)], codes
    assert set(codes) == {0, NODE_UNFIT}
