"""Ages as tables show them."""

import pytest

from trainmaster.observe.ages import short_age, since


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"), (0, "0s"), (42.9, "42s"), (60, "1m"), (150, "2m"), (3600, "1h"), (3 * 3600 + 720, "3h12m"),
        (12 * 3600 + 720, "12h"), (5 * 86400 + 7300, "5d2h"), (40 * 86400 + 7300, "40d"),
    ],
)  # fmt: skip
def test_two_units_at_most(seconds: float, text: str) -> None:
    assert short_age(seconds) == text


def test_since_a_timestamp() -> None:
    assert since("2025-06-15T15:06:40Z", 1_750_000_000.0 + 90) == "1m"
    assert since(None, 0) == ""
