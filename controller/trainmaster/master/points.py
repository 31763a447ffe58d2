"""Named points in the life of a job at which a test may have the controller killed, as a power cut would.

Unless TRAINMASTER_KILL_AT names a point, reaching one does nothing. `NAME` or `NAME:N` (the N-th time) may be given.
"""

import os
import signal

POINTS = (
    "id",
    "submit",
    "token",
    "register",
    "ask",
    "allocated",
    "half-started",
    "half-anew",
    "running",
    "told-to-go",
    "pulled",
    "written",
)

_wanted, _, _times = os.environ.get("TRAINMASTER_KILL_AT", "").partition(":")
_left = int(_times or 1)


def reach(point: str) -> None:
    """Say that this point is reached; ends the process without a word if it is the one to be killed at."""
    global _left  # noqa: PLW0603 - a process is killed once
    if point == _wanted:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
