"""The short form of `make fuzz`: some hundred cases for each reader of what others send, the same ones each time."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from fuzz.mutations import CASES
from fuzz.target import Target, Watch, functions
from fuzz.targets import TARGETS

MANY = 60
PLAIN = [bytes([number, 0, number]) for number in range(64)]
"""cases without an edit: the sound messages themselves"""


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_bears_whatever_it_is_sent(name: str) -> None:
    """And the cases get deep: each function of the modules that read is called."""
    target, watch = TARGETS[name], Watch()
    for case in PLAIN:
        watch.play(target, case)
    _play(target, watch)
    assert functions(target) - watch.reached == frozenset()


def _play(target: Target, watch: Watch) -> None:
    @settings(
        max_examples=int(MANY * target.part),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(CASES)
    def bears(case: bytes) -> None:
        watch.play(target, case)

    bears()
