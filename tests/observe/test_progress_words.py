"""How far a training is, in a few words."""

from __future__ import annotations

import pytest

from trainmaster.api.progress_status import ProgressStatus, StragglerStatus
from trainmaster.observe.progress_words import progress_words, slow_words

HEARD = "2026-05-01T12:00:00Z"
SLOW = StragglerStatus(role="worker", index=2, node="n7", steps_per_second=0.6, best_steps_per_second=1.0)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"step": 0}, "step 0"),
        ({"step": 400, "total": 0}, "step 400"),
        ({"step": 400, "total": 1000}, "step 400 of 1000 (40 %)"),
        (
            {"step": 400, "total": 1000, "steps_per_second": 2.5, "estimated_completion_time": HEARD},
            f"step 400 of 1000 (40 %), 2.5 steps/s, until {HEARD}",
        ),
    ],
)
def test_as_much_is_said_as_is_known(told: dict[str, object], words: str) -> None:
    assert progress_words(ProgressStatus.model_validate({"last_report_time": HEARD, **told})) == words
    assert progress_words(None) == ""


def test_who_is_slow_is_named_with_its_node() -> None:
    told = ProgressStatus(step=1, last_report_time=HEARD, stragglers=(SLOW,))
    assert slow_words(told) == "worker-2 on n7 (0.6 steps/s, best 1)"
    assert slow_words(None) == ""
