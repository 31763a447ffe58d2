"""The one place that reads the clocks; everything else takes time as a value."""

import time


def now() -> float:
    """Seconds since the epoch: for what is remembered and shown."""
    return time.time()


def monotonic() -> float:
    """Seconds that never jump: for waits and leases."""
    return time.monotonic()
