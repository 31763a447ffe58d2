"""How many schedules the laws over whole lives of jobs play: a part in `make check`, all in `make test`."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("TRAINMASTER_THOROUGH"))


def schedules(all_: int, part: int) -> int:
    """So many."""
    return all_ if THOROUGH else part
