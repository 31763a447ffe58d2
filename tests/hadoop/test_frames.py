"""Frames: cut from any stream of bytes, whatever the pieces it arrives in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.hadoop import frames
from trainmaster.hadoop.proto.common_pb2 import RpcResponseHeaderProto


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 700), max_size=12))
def test_pieces_make_no_difference(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(struct.pack(">I", len(payload)) + payload for payload in payloads)
    splitter, heard, start = frames.Splitter(), [], 0
    for cut in [*cuts, len(stream)]:
        heard += splitter.feed(stream[start : start + cut])
        start += cut
    assert heard == payloads


def test_the_pieces_of_a_long_frame_are_put_together_once() -> None:
    splitter, pieces = frames.Splitter(), [b"x" * 1000] * 1000
    assert splitter.feed(struct.pack(">I", 10**6)) == []
    for piece in pieces[:-1]:
        assert splitter.feed(piece) == []
        assert splitter._pieces[-1] is piece
    assert splitter.feed(pieces[-1]) == [b"x" * 10**6]


def test_a_web_server_is_told_from_hadoop() -> None:
    with pytest.raises(frames.FrameError):
        frames.Splitter().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(("signed", "answered"), [(-33, 0xFFFFFFDF), (-3, 0xFFFFFFFD), (7, 7)])
def test_answers_carry_call_ids_unsigned(signed: int, answered: int) -> None:
    assert frames.unsigned(signed) == answered


def test_a_request_is_one_length_and_prefixed_messages() -> None:
    frame = frames.frame(
        5,
        b"c" * 16,
        frames.method_header("p.Protocol", "go"),
        RpcResponseHeaderProto(callId=1, status="SUCCESS"),
    )
    (length,) = struct.unpack(">I", frame[:4])
    assert len(frame) == 4 + length
    assert b"p.Protocol" in frame
    assert frames.preamble(frames.SASL) == b"hrpc\x09\x00\xdf"
