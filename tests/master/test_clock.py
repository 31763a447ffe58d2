"""The time of day never jumps, though the machine's clock may be set forth or back."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from trainmaster.master import clock

START = 1_700_000_000.0


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self) -> None:
        self.wall, self.up = START, 100.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.up


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_that_is_set_is_followed_little_by_little(step: float) -> None:
    machine = Machine()
    with patch.object(clock, "time", machine):
        ours = clock._Clock()
        machine.passes(10)
        assert ours.now() == machine.wall
        machine.wall += step
        assert ours.now() == START + 10
        machine.passes(10)
        assert ours.now() == pytest.approx(START + 20 + (0.5 if step > 0 else -0.5))
        machine.passes(3600 / clock.SLEW)
        assert ours.now() == pytest.approx(machine.wall)
