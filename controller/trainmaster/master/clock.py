"""The one place that reads the clocks; everything else takes time as a value."""

import time

SLEW = 0.05
"""seconds of correction in each second: a machine's clock that is set forth or back by an hour must not end every wait at once,
nor hold all of them up for that hour"""


class _Clock:
    """The time of day as told by a clock that never jumps, brought after the machine's own little by little."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._ahead = time.time() - self._at
        """what is to be added to the monotonic clock"""

    def now(self) -> float:
        at = time.monotonic()
        most, self._at = SLEW * (at - self._at), at
        off = time.time() - at - self._ahead
        self._ahead += max(-most, min(most, off))
        return at + self._ahead


_clock = _Clock()


def now() -> float:
    """Seconds since the epoch: for what is remembered and shown."""
    return _clock.now()


def monotonic() -> float:
    """Seconds that never jump: for waits and leases."""
    return time.monotonic()
