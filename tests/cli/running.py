"""The command line as a person meets it: run in this process, with its output and exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from trainmaster.cli import main


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line on standard error."""
        (line,) = self.err.splitlines()
        return line


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def ran(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["trainmaster", *words])
        monkeypatch.setitem(os.environ, "COLUMNS", "120")
        with pytest.raises(SystemExit) as ended:
            main.run()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return ran
