"""Hadoop's own bytes for tokens: numbers, token files, and the lives inside identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadoop.kerberos.tabs import identifier
from trainmaster.errors import InvalidError
from trainmaster.hadoop.proto.common_pb2 import TokenProto
from trainmaster.hadoop.writable import credentials, life, vlong, vlong_bytes


@pytest.mark.parametrize(
    ("number", "bytes_"),
    [
        (0, "00"),
        (127, "7f"),
        (-112, "90"),
        (128, "8f80"),
        (255, "8fff"),
        (256, "8e0100"),
        (-113, "8770"),
        (-129, "8780"),
        (1700000000000, "8a018bcfe56800"),
    ],
)
def test_numbers_as_writable_utils_has_them(number: int, bytes_: str) -> None:
    assert vlong_bytes(number).hex() == bytes_


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=4))
def test_a_number_is_read_as_it_was_written(number: int, after: bytes) -> None:
    data = vlong_bytes(number)
    assert vlong(data + after, 0) == (number, len(data))


def test_a_life_is_told_by_the_identifier() -> None:
    told = life(identifier(1_700_000_000_000, 1_700_000_100_000))
    assert (told.issued, told.ends, told.half) == (1.7e9, 1.7e9 + 100, 1.7e9 + 50)


@given(st.binary(max_size=40))
def test_another_form_is_refused_or_read(data: bytes) -> None:
    try:
        life(data)
    except InvalidError:
        return


def test_a_token_file_holds_each_token_under_its_service() -> None:
    token = TokenProto(identifier=b"id", password=b"pw", kind="KIND", service="h:1")
    assert credentials([token]) == b"HDTS\0\x01\x03h:1\x02id\x02pw\x04KIND\x03h:1\0"
    assert credentials([]) == b"HDTS\0\0\0"
    assert credentials([token, token])[5] == 2
