"""What is made of the GSSAPI library's answers: its call succeeds too for messages that are out of turn, or in clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trainmaster.hadoop.kerberos import library
from trainmaster.hadoop.kerberos.context import Context


class Gss:
    """Answers with these bits and this state of sealing."""

    def __init__(self) -> None:
        self.bits, self.sealed = 0, 1

    def call(self, name: str, *arguments: Any, **_: Any) -> int:
        at = {"gss_wrap": 4, "gss_unwrap": 3}.get(name)
        if at is None:
            return 0
        arguments[at]._obj.value = self.sealed
        return self.bits


@pytest.fixture
def gss(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gss]:
    fake = Gss()
    with monkeypatch.context() as patch:
        patch.setattr(library, "call", fake.call)
        patch.setattr(library, "taken", lambda _: b"said")
        yield fake


@pytest.mark.parametrize("bit", [2, 4, 8, 16])
@pytest.mark.parametrize("sealed", [False, True])
def test_a_message_that_is_not_the_next_one_is_not_heard(gss: Gss, bit: int, sealed: bool) -> None:
    context = Context("yarn", "rm")
    assert context.unwrap(b"x", sealed=sealed) == b"said"
    gss.bits = bit
    with pytest.raises(library.GssError, match="not the next one"):
        context.unwrap(b"x", sealed=sealed)


def test_with_privacy_nothing_in_clear_is_heard_or_sent(gss: Gss) -> None:
    context = Context("yarn", "rm")
    gss.sealed = 0
    assert context.unwrap(b"x", sealed=False) == b"said"
    with pytest.raises(library.GssError, match="was not sealed"):
        context.unwrap(b"x", sealed=True)
    with pytest.raises(library.GssError, match="can't be sealed"):
        context.wrap(b"x", sealed=True)
