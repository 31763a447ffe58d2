"""Standard output that is full, closed or of few letters: one line at most, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainmaster.cli.exits import ExitCode

JOB = "apiVersion: trainmaster.io/v1alpha1\nkind: TrainingJob\nmetadata: {name: a}\nspec: {roles: {w: {command: c}}}\n"
VALIDATE = 'exec "$0" -c "from trainmaster.cli.main import run; run()" validate "$1"'


def _ran(shell: str, file: Path, **env: str) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-c", shell, sys.executable, str(file)]
    return subprocess.run(words, env={**os.environ, **env}, text=True, capture_output=True, check=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bär.yaml"
    path.write_text(JOB)
    return path


def test_a_full_disk_is_one_line(file: Path) -> None:
    ran = _ran(f"{VALIDATE} > /dev/full", file)
    assert (ran.returncode, ran.stderr) == (ExitCode.OUTPUT, "error: [Errno 28] No space left on device\n")


def test_a_closed_output_is_silence(file: Path) -> None:
    ran = _ran(f"{VALIDATE} >&-", file)
    assert (ran.returncode, ran.stderr) == (ExitCode.OK, "")


def test_letters_that_the_output_lacks_are_escaped(file: Path) -> None:
    ran = _ran(VALIDATE, file, PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (ExitCode.OK, "")
    assert ran.stdout.endswith("/b\\xe4r.yaml: default/a is valid\n")
