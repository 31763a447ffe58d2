"""The end of the process of a program that serves, though some thread of it still waits for a store that hangs.

Python joins every thread before it ends, for as long as that takes, and a blocking call can't be called back. Never here: what is
closed before that.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Final, NoReturn

GRACE: Final = 1.0
"""seconds that threads have to end by themselves"""
_serves = threading.Event()


def waits_for_nobody() -> None:
    """All that is to be kept will have been written down when this program is over: its threads are worth no wait then."""
    _serves.set()


def leave(code: int) -> NoReturn:
    """End the process with that exit code."""
    if _serves.is_set() and _remain():
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # none, or nobody reads it
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _remain() -> bool:
    """Whether threads that Python would join are still there after a while."""
    until = time.monotonic() + GRACE
    others = [
        each for each in threading.enumerate() if each is not threading.current_thread() and not each.daemon
    ]
    for each in others:
        each.join(max(0.0, until - time.monotonic()))
    return any(each.is_alive() for each in others)
