"""What the examples train with: which Python is taken where a framework wants an older one than this."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from frameworks.test_examples_valid import module


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """On a machine that has no Python at all, yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return module("environments.py", monkeypatch)


def put(path: Path, ends: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {ends}\n")
    path.chmod(0o755)
    return path


def test_a_machine_without_that_python_is_told_how_to_get_it(environments: ModuleType) -> None:
    with pytest.raises(SystemExit) as refused:
        environments.older_python("3.7")
    assert refused.value.code == "Python 3.7 is needed, and isn't here. To get one: uv python install 3.7"


@pytest.mark.parametrize(
    "place",
    [
        ".pyenv/versions/3.7.17/bin/python3.7",
        ".local/share/uv/python/cpython-3.7.9-linux-x86_64-gnu/bin/python3.7",
    ],
)
def test_one_that_pyenv_or_uv_brought_is_taken(environments: ModuleType, tmp_path: Path, place: str) -> None:
    put(tmp_path / ".pyenv/versions/3.8.18/bin/python3.8")
    brought = put(tmp_path / place)
    assert environments.older_python("3.7") == str(brought)


def test_one_of_the_path_comes_first_unless_it_makes_no_environments(
    environments: ModuleType, tmp_path: Path
) -> None:
    """Debian's python3 lacks ensurepip where python3-venv isn't installed."""
    brought = put(tmp_path / ".pyenv/versions/3.7.17/bin/python3.7")
    put(tmp_path / "bin" / "python3.7")
    assert environments.older_python("3.7") == "python3.7"
    put(tmp_path / "bin" / "python3.7", ends=1)
    assert environments.older_python("3.7") == str(brought)
