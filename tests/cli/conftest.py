"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.in_store import YAML
from cli.running import Ran, runner


@pytest.fixture
def trainmaster(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ran]:
    """Runs `trainmaster WORD...` on an empty store of its own."""
    for name in ("TRAINMASTER_CONFIG", "TRAINMASTER_NAMESPACE", "HADOOP_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRAINMASTER_STORE", f"file://{tmp_path}/store")
    return runner(monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mnist.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def store(tmp_path: Path, trainmaster: Callable[..., Ran], file: Path) -> Path:
    """A store that holds vision/mnist."""
    assert trainmaster("apply", "-f", str(file)).code == 0
    return tmp_path / "store"
