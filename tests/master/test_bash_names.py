"""Every variable that the real bash knows either reaches the process byte for byte, or is refused by its name."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.master.test_launch import run
from trainmaster.api.documents import read_job
from trainmaster.api.variables import BASHS_OWN

BASH = Path("/bin/bash")
NEWER = {"BASH_MONOSECONDS", "BASH_TRAPSIG"}
"""of bash 5.3"""
VALUES = ("7", 'a b\'c "d" $HOME\n\\é', "/nowhere", "", "C")
ENVIRON = "/bin/cat /proc/self/environ > seen"
COMMANDS = (
    ENVIRON,
    f"exec {ENVIRON}",
    f"true | /bin/true; (cd /); f() {{ :; }}; f; here=.; cd $here; [[ a =~ a ]]; {ENVIRON}",
)


@cache
def known_to_bash() -> frozenset[str]:
    """What it has set by itself, and the capital words in its program, among which are all the names that it looks at."""
    told = subprocess.run(
        [BASH, "-ic", "compgen -v"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    ).stdout.split()
    words = re.findall(rb"\0([A-Z_][A-Z0-9_]*|auto_resume|histchars)(?=\0)", BASH.read_bytes())
    return frozenset(told) | {word.decode() for word in words}


def given_names() -> Sequence[str]:
    return sorted(known_to_bash() - set(BASHS_OWN))


def delivered(name: str, value: str, command: str, folder: Path) -> bool:
    (folder / "seen").unlink(missing_ok=True)
    run({name: value}, command, folder)
    seen = folder / "seen"
    return seen.exists() and f"{name}={value}".encode() in seen.read_bytes().split(b"\0")


def test_the_list_is_that_of_a_real_bash() -> None:
    """Else the tests below would be about nothing."""
    assert {"UID", "RANDOM", "BASH_COMMAND", "SHLVL", "PATH", "LC_ALL", "_", "PS4"} <= known_to_bash()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("value", VALUES)
def test_what_is_accepted_arrives_together(value: str, command: str, tmp_path: Path) -> None:
    names = [name for name in given_names() if name != "PYTHONPATH"]
    run(dict.fromkeys(names, value), command, tmp_path)
    seen = (tmp_path / "seen").read_bytes().split(b"\0")
    assert [name for name in names if f"{name}={value}".encode() not in seen] == []


@pytest.mark.parametrize(
    "name", ["IFS", "PATH", "LC_ALL", "POSIXLY_CORRECT", "BASH_ENV", "ENV", "PS4", "HOME", "TMOUT"]
)
def test_what_changes_bash_itself_arrives_alone(name: str, tmp_path: Path) -> None:
    assert [value for value in VALUES for c in COMMANDS if not delivered(name, value, c, tmp_path)] == []


@pytest.mark.parametrize("name", sorted(set(BASHS_OWN) - NEWER))
def test_what_bash_would_change_is_refused_by_name(name: str, tmp_path: Path) -> None:
    assert not all(delivered(name, value, c, tmp_path) for value in VALUES for c in COMMANDS)
    job, problems = read_job(
        f"""
apiVersion: trainmaster.io/v1alpha1
kind: TrainingJob
metadata: {{name: mnist}}
spec: {{framework: Generic, queue: default, env: [{{name: {name}, value: "7"}}], roles: {{worker: {{command: train}}}}}}
"""
    )
    assert job is None
    assert [p.field for p in problems] == ["spec.env[0].name"]
    assert name in problems[0].reason
    assert "bash" in problems[0].reason
