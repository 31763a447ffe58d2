"""Label selectors: what they choose, as the API server does."""

from __future__ import annotations

import pytest

from trainmaster.api.selectors import selector
from trainmaster.errors import InvalidError

LABELS = {"team": "vision", "tier": "a", "empty": ""}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("", True),
        ("team=vision", True),
        ("team==vision", True),
        ("team = vision", True),
        ("team=audio", False),
        ("none=vision", False),
        ("empty=", True),
        ("team!=audio", True),
        ("team!=vision", False),
        ("none!=x", True),
        ("tier in (a, b)", True),
        ("tier in (b)", False),
        ("tier notin (a,b)", False),
        ("none notin (a)", True),
        ("team", True),
        ("none", False),
        ("!none", True),
        ("! team", False),
        ("team=vision,tier in (a, b),!none", True),
        ("team=vision,tier in (b, c)", False),
    ],
)
def test_what_is_chosen(text: str, chosen: bool) -> None:
    assert selector(text)(LABELS) is chosen


@pytest.mark.parametrize("text", ["a in b", "a=b=c", "=a", ",", "a in (b", "a>1", "a b"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is no label selector"):
        selector(text)
