"""The stand-in for Hadoop's container-executor, called as LinuxContainerExecutor calls the native one."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from real.cluster import until
from trainmaster.local import gpus
from trainmaster.local.container_executor import DELETE, INITIALIZE, LAUNCH, LIST, NO_SUCH_PROCESS, SIGNAL

APPLICATION, CONTAINER = "application_1_0001", "container_1_0001_01_000001"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of one NodeManager."""
    gpus.install_executor(tmp_path)
    return tmp_path


def command(home: Path, operation: int, *arguments: object) -> list[str]:
    return [str(home / gpus.EXECUTOR), "alice", "alice", str(operation), *map(str, arguments)]


def run(home: Path, operation: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(home, operation, *arguments), capture_output=True, text=True, check=False, timeout=60
    )


def launching(home: Path, script: str) -> list[str]:
    """The call that launches a container which does this."""
    (home / "launch.sh").write_text(script)
    (home / "tokens").write_text("secret")
    cgroup = home / gpus.CGROUPS / "devices" / gpus.HIERARCHY / CONTAINER
    cgroup.mkdir()
    (cgroup / "tasks").touch()
    work = home / "local/usercache/alice/appcache" / APPLICATION / CONTAINER
    files = (home / "launch.sh", home / "tokens", "--http", home / "pid", home / "local", home / "logs")
    return command(home, LAUNCH, APPLICATION, CONTAINER, work, *files, f"cgroups={cgroup}/tasks")


def test_what_runs_ends_with_its_own_code_and_leaves_word_of_it(home: Path) -> None:
    script = f"ls $PWD/tmp; cat container_tokens > {home}/logs/{APPLICATION}/{CONTAINER}/stdout; exit 41"
    done = subprocess.run(launching(home, script), check=False, timeout=60)
    assert done.returncode == 41
    assert (home / "pid.exitcode").read_text() == "41"
    assert (home / "logs" / APPLICATION / CONTAINER / "stdout").read_text() == "secret"
    assert not (home / gpus.CGROUPS / "devices" / gpus.HIERARCHY / CONTAINER).exists()


def test_a_signal_reaches_the_whole_group_by_its_pid(home: Path) -> None:
    with subprocess.Popen(launching(home, "sleep 600 & sleep 600")) as process:
        pid = int(until(lambda: (home / "pid").exists() and (home / "pid").read_text()))
        assert os.getsid(pid) == pid
        assert run(home, SIGNAL, pid, int(signal.SIGKILL)).returncode == 0
        assert process.wait(60) == 137


def test_a_signal_to_nobody_says_so(home: Path) -> None:
    subprocess.run(launching(home, "exit 0"), check=True, timeout=60)
    assert run(home, SIGNAL, (home / "pid").read_text().strip(), 0).returncode == NO_SUCH_PROCESS


def test_a_localizer_takes_its_place(home: Path) -> None:
    (home / "x.tokens").write_text("secret")
    files = (home / "x.tokens", home / "local", home / "logs")
    done = run(
        home, INITIALIZE, APPLICATION, "x", *files, "sh", "-c", "cat $HADOOP_TOKEN_FILE_LOCATION; pwd; exit 3"
    )
    assert done.returncode == 3
    assert done.stdout == f"secret{home}/local/usercache/alice/appcache/{APPLICATION}\n"
    assert (home / "logs" / APPLICATION / "x").is_dir()


def test_folders_are_listed_and_deleted_and_links_not_followed(home: Path) -> None:
    (home / "a/b/c").mkdir(parents=True)
    (home / "kept/precious").mkdir(parents=True)
    (home / "a/link").symlink_to(home / "kept")
    assert sorted(run(home, LIST, home / "a").stdout.split()) == ["b", "link"]
    assert run(home, DELETE, "link", home / "a").returncode == 0
    assert run(home, DELETE, home / "a").returncode == 0
    assert not (home / "a").exists()
    assert (home / "kept/precious").exists()
