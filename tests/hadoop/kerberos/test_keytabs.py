"""Keytabs taken apart and put together, and the sentence for one that won't do."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadoop.kerberos.tabs import entry
from trainmaster.errors import InvalidError
from trainmaster.hadoop.kerberos import keytabs

REALM = "LAB.TEST"


NAMES = st.lists(st.text("abcxyz_-.", min_size=1, max_size=9), min_size=1, max_size=2).map("/".join)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=8))
def test_what_was_written_is_read(made: list[tuple[str, bytes]]) -> None:
    entries = [entry(f"{name}@{REALM}", key) for name, key in made]
    found = keytabs.read(keytabs.write(entries))
    assert set(found) == {f"{name}@{REALM}" for name, _ in made}
    assert sorted(each for held in found.values() for each in held) == sorted(entries)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_keytab_are_refused_or_hold_something(data: bytes) -> None:
    for text in (data, keytabs.VERSION + data):
        try:
            keytabs.read(text)
        except InvalidError:
            continue


def test_everybody_gets_his_own_keys_alone() -> None:
    held = keytabs.read(keytabs.write([entry("a@R"), entry("b/h@R"), entry("a@R", b"other")]))
    assert keytabs.read(keytabs.of(held, ["a@R"])).keys() == {"a@R"}
    assert len(held["a@R"]) == 2


def test_holes_are_passed_over() -> None:
    hole = struct.pack(">i", -5) + b"xxxxx"
    whole = keytabs.write([entry("a@R")])
    assert keytabs.read(whole[:2] + hole + whole[2:] + hole).keys() == {"a@R"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        (b"hello", "this is no keytab"),
        (keytabs.write([entry("bob@R")])[:-3], "cut off"),
        (keytabs.VERSION, "holds no key of alice@R, but of nobody"),
        (keytabs.write([entry("bob@R")]), "holds no key of alice@R, but of bob@R"),
    ],
)
def test_a_keytab_that_wont_do_is_told_with_its_name(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "some.keytab"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidError, match=said) as error:
        keytabs.check(file, "alice@R")
    assert "some.keytab" in str(error.value)


@pytest.mark.parametrize("principal", ["alice@R", "alice"])
def test_a_principal_without_a_realm_is_of_any(tmp_path: Path, principal: str) -> None:
    file = tmp_path / "k"
    file.write_bytes(keytabs.write([entry("alice@R")]))
    keytabs.check(file, principal)
