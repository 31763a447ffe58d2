"""Signing and sealing of DIGEST-MD5: laws of both sides, and what is noticed of a message that was touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.errors import DeniedError, InvalidError
from trainmaster.hadoop.protection import DigestLayer, Protection, UnprotectedError, agreed, wanted

SECRET = bytes(range(16))


def pair(sealed: bool) -> tuple[DigestLayer, DigestLayer]:
    """A client and a server, whose keys are those of the client the other way round."""
    client, server = DigestLayer(SECRET, sealed=sealed), DigestLayer(SECRET, sealed=sealed)
    server._signing, server._checking = server._checking, server._signing
    server._seal, server._open = server._open, server._seal
    return client, server


@given(st.booleans(), st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=12))
def test_both_sides_hear_what_was_said_in_any_order_of_turns(
    sealed: bool, said: list[tuple[bool, bytes]]
) -> None:
    client, server = pair(sealed)
    for ours, data in said:
        speaker, hearer = (client, server) if ours else (server, client)
        assert hearer.unwrap(speaker.wrap(data)) == data


@given(st.booleans(), st.binary(min_size=1, max_size=50), st.data())
def test_a_message_that_was_touched_is_noticed(sealed: bool, data: bytes, draw: st.DataObject) -> None:
    client, server = pair(sealed)
    wire = bytearray(client.wrap(data))
    at = draw.draw(st.integers(0, len(wire) - 1))
    wire[at] ^= draw.draw(st.integers(1, 255))
    with pytest.raises(UnprotectedError):
        server.unwrap(bytes(wire))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_message_is_heard_once_and_in_its_turn(sealed: bool) -> None:
    client, server = pair(sealed)
    first, second = client.wrap(b"first"), client.wrap(b"second")
    with pytest.raises(UnprotectedError):
        pair(sealed)[1].unwrap(second)
    server.unwrap(first)
    with pytest.raises(UnprotectedError):
        server.unwrap(first)


@pytest.mark.parametrize("sealed", [False, True])
def test_what_is_too_short_is_refused(sealed: bool) -> None:
    for length in range(16):
        with pytest.raises(UnprotectedError):
            pair(sealed)[0].unwrap(b"x" * length)


def test_sealed_means_that_nobody_else_reads_it() -> None:
    data = b"the secret of a token" * 3
    assert data in pair(False)[0].wrap(data)
    assert data[:8] not in pair(True)[0].wrap(data)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", ["auth"]),
        ("authentication", ["auth"]),
        ("Privacy", ["auth-conf"]),
        ("privacy, integrity,authentication,privacy", ["auth-conf", "auth-int", "auth"]),
    ],
)
def test_hadoops_words_for_it(text: str, order: list[str]) -> None:
    assert list(wanted(text)) == order


def test_a_word_that_isnt_hadoops_is_named() -> None:
    with pytest.raises(
        InvalidError, match=r"hadoop.rpc.protection: 'auth-conf' is not one of authentication"
    ):
        wanted("privacy,auth-conf")


def test_the_first_of_ours_is_taken() -> None:
    assert agreed((Protection.PRIVACY, Protection.AUTHENTICATION), ["auth", "auth-int"]) == "auth"
    with pytest.raises(DeniedError, match="of a kind not known here"):
        agreed(tuple(Protection), ["auth-future"])
