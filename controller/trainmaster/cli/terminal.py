"""The terminal that standard output may be. Never here: what is shown there."""

from __future__ import annotations

import shutil
import sys


def room() -> int | None:
    """Letters of a line; None where a program reads, which wants all of it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
