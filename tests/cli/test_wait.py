"""How often `wait` looks: often at first, and seldom where it waits for long."""

from __future__ import annotations

import pytest

from trainmaster.cli import wait
from trainmaster.cli.exits import TimedOutError


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self) -> None:
        self.looks.append(self.now)


@pytest.mark.parametrize(("seconds", "most"), [(5, 11), (60, 60), (3600, 800)])
def test_the_longer_it_waits_the_rarer_it_looks(
    monkeypatch: pytest.MonkeyPatch, seconds: float, most: int
) -> None:
    time = Time()
    monkeypatch.setattr(wait, "time", time)
    with pytest.raises(TimedOutError):
        wait._until(time.look, seconds, "a job that never ends")
    assert len(time.looks) <= most
    pauses = [b - a for a, b in zip(time.looks, time.looks[1:], strict=False)]
    assert all(pause <= max(0.5, 0.05 * at) + 1e-6 for pause, at in zip(pauses, time.looks, strict=False))
    assert time.looks[-1] == pytest.approx(seconds), "the last look is at the end"
    assert max(pauses) <= 5 + 1e-6
