"""Users and groups as this machine knows them: what changes is heard of, and a name service that is away changes nothing."""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import pytest

from trainmaster.sources import accounts
from trainmaster.sources.accounts import FRESH, MOST, STRANGER, Remembered, name_of, uid_of, who_is

NOBODYS = 4_000_000


class Service:
    """Says what it holds, and is asked at a time that is told."""

    def __init__(self) -> None:
        self.holds: dict[str, int] = {}
        self.asked = 0
        self.now = 1000.0
        self.known = Remembered(self._ask, lambda: self.now)

    def _ask(self, name: str) -> int:
        self.asked += 1
        return self.holds[name]

    def later(self, name: str, seconds: float = FRESH) -> int | None:
        self.now += seconds
        return self.known(name)


def test_what_changes_is_heard_of_after_a_minute_and_not_asked_for_before() -> None:
    service = Service()
    service.holds["alice"] = 1
    assert service.known("alice") == 1
    service.holds["alice"] = 2
    assert service.later("alice", FRESH - 1) == 1
    assert service.asked == 1
    assert service.later("alice", 1) == 2


def test_whom_a_service_did_not_know_it_may_know_later() -> None:
    service = Service()
    assert service.known("alice") is None
    service.holds["alice"] = 1
    assert service.later("alice", FRESH - 1) is None, "thousands of files of a stranger are one question"
    assert service.later("alice", 1) == 1


def test_where_a_service_is_away_its_last_word_counts() -> None:
    service = Service()
    service.holds["alice"] = 1
    service.known("alice")
    service.holds.clear()
    assert [service.later("alice") for _ in range(3)] == [1, 1, 1]


def test_no_more_than_so_many_answers_are_kept() -> None:
    service = Service()
    for number in range(2 * MOST):
        service.known(str(number))
    assert len(service.known._known) == MOST


def test_a_number_that_nobody_has_is_its_own_name() -> None:
    assert name_of(os.getuid()) == getpass.getuser()
    assert name_of(NOBODYS) == str(NOBODYS)
    assert [uid_of(name_of(uid)) for uid in (NOBODYS, os.getuid())] == [NOBODYS, os.getuid()]
    with pytest.raises(KeyError):
        uid_of("nobody-of-this-name")


def test_a_user_is_in_the_groups_that_he_would_have_and_a_stranger_in_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert who_is("nobody-of-this-name") == STRANGER
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setattr(os, "getgrouplist", lambda user, gid: [gid, 77] if user == me.pw_name else [])
    monkeypatch.setattr(accounts, "_users", Remembered(accounts._found))
    assert who_is(me.pw_name) == accounts.Who(me.pw_uid, frozenset({me.pw_gid, 77}))


def test_a_group_is_ones_own_where_nobody_else_is_in_it(tmp_path: Path) -> None:
    assert not accounts.is_own_group("nobody-of-this-name", tmp_path.stat().st_gid)
    assert not accounts.is_own_group(getpass.getuser(), NOBODYS)
