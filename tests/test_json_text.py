"""JSON from anybody."""

from __future__ import annotations

import pytest

from trainmaster.json_text import loads
from trainmaster.sources import known, owned
from trainmaster.sources.kubernetes.errors import Call, refusal
from trainmaster.sources.kubernetes.resources import SECRETS

DEEP = b"[" * 100_000
"""for which Python's own reader raises RecursionError"""


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", "nonsense", DEEP, DEEP.decode(), DEEP + b"]" * 100_000])
def test_whatever_is_no_json_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text)


def test_json_is_read() -> None:
    assert loads(b'{"a": [1, null]}') == {"a": [1, None]}
    assert loads('{"entry": 1, "entry": 2}', pairs=tuple) == (("entry", 1), ("entry", 2))


def test_files_and_answers_of_others_that_lie_too_deep_are_read_over() -> None:
    assert known.from_bytes(DEEP) is None
    assert owned.from_bytes(DEEP) == ()
    assert "503" in str(refusal(Call("get", SECRETS), 503, DEEP, "somebody"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'"\ud800"', "\ufffd"),
        (r'"a\uDFFFb"', "a\ufffdb"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\\ud800"', r"\ud800"),
        (r'"\\\ud800"', "\\\ufffd"),
        (r'{"\udc00": 1}', {"\ufffd": 1}),
    ],
)
def test_half_a_character_is_none(text: str, said: object) -> None:
    """What was read is written on, into statuses and logs, and nobody can write one."""
    assert loads(text) == loads(text.encode()) == said


def test_bytes_that_are_no_text_are_no_json() -> None:
    for text in (b'"\xff"', b'"\xed\xa0\x80"'):
        with pytest.raises(ValueError, match="utf-8"):
            loads(text)
