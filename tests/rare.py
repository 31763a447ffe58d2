"""Tests that are slow and whose kind a quicker one shows as well: `make test-rare` runs them, and `make test` the quicker ones.

Each names the test that stands for it, and tests/test_rare.py sees that there is such a test.
"""

from __future__ import annotations

import os

import pytest

RARE = bool(os.environ.get("TRAINMASTER_RARE"))
ALL_FRAMEWORKS = pytest.mark.skipif(
    not os.environ.get("TRAINMASTER_ALL_FRAMEWORKS"), reason="make test-frameworks runs it"
)
"""of trainings that nothing quicker stands for: a target of their own runs them"""


def rare(stand_in: str, kind: str | None = None) -> pytest.MarkDecorator:
    """A mark for such a test, or with `kind` for its run at that door alone.

    `stand_in` is the quicker test, as pytest names it: `tests/real/test_x.py::test_y`.
    """
    return pytest.mark.rare(stand_in, kind)


def at_one_door(other: str) -> pytest.MarkDecorator:
    """What the engine alone does is shown at one door, and at the `other` in `make test-rare`.

    That the engine does the same at both is what test_engine.py and test_scenarios.py show.
    """
    return rare("tests/real/test_scenarios.py", other)


def leave_out_rare(items: list[pytest.Item]) -> None:
    """Skips them where nobody asked for them, and all others where somebody did."""
    if RARE:
        items[:] = [item for item in items if _stand_ins(item)]
        return
    for item in items:
        for stand_in in _stand_ins(item):
            item.add_marker(pytest.mark.skip(reason=f"make test-rare runs it; {stand_in} stands for it"))


def _stand_ins(item: pytest.Item) -> list[str]:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    marks = [mark.args for mark in item.iter_markers("rare")]
    return [stand_in for stand_in, kind in marks if kind in (None, parameters.get("kind"))]
