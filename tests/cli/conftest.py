"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
