"""The controller's ticket over time, with a library and a clock that do as each test says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadoop.kerberos.tabs import keytab
from trainmaster.errors import DeniedError, InvalidError, UnavailableError
from trainmaster.hadoop.kerberos.library import GssError
from trainmaster.hadoop.kerberos.login import Keeper

AWAY = "Cannot contact any KDC for realm 'R'"


class Realm:
    """A KDC and the library before it: a ticket is renewed from half of its life on, and silently kept while the KDC is away
    even when it is over (maybe_get_initial_cred in MIT's acquire_cred.c)."""

    def __init__(self, life: float = 100.0) -> None:
        self.now, self.life, self.until = 1000.0, life, 0.0
        self.fault = ""
        self.asked: list[tuple[str, str, str]] = []

    def acquire(self, principal: str, keytab: str, cache: str) -> int:
        self.asked.append((principal, keytab, cache))
        if self.until - self.now <= self.life / 2:
            if not self.fault:
                self.until = self.now + self.life
            elif not self.until:
                raise GssError(self.fault)
        return max(0, int(self.until - self.now))


@pytest.fixture
def realm() -> Realm:
    return Realm()


@pytest.fixture
def keeper(realm: Realm, tmp_path: Path) -> Keeper:
    file = tmp_path / "tm.keytab"
    file.write_bytes(keytab("tm@R"))
    return Keeper("tm@R", file, realm.acquire, lambda: realm.now)


def test_it_is_renewed_in_the_second_half_of_its_life(keeper: Keeper, realm: Realm) -> None:
    for _ in range(40):
        keeper.renew()
        assert keeper.left > realm.life * 0.3
        assert not keeper.ticket.trouble
        realm.now += keeper.pause
    assert realm.now > 1000 + 3 * realm.life


def test_while_the_kdc_is_away_it_is_kept_and_the_trouble_told(keeper: Keeper, realm: Realm) -> None:
    keeper.renew()
    realm.fault = AWAY
    realm.now += 70
    keeper.renew()
    assert keeper.left == 30
    assert "good for 30 s more" in keeper.ticket.trouble
    realm.fault = ""
    keeper.renew()
    assert (keeper.left, keeper.ticket.trouble) == (100, "")


def test_once_it_is_over_there_is_none(keeper: Keeper, realm: Realm) -> None:
    keeper.renew()
    realm.fault = AWAY
    realm.now += 101
    for _ in range(3):
        with pytest.raises(UnavailableError, match="the ticket has expired"):
            keeper.renew()
        assert keeper.left == 0
        realm.now += 10
    realm.fault = ""
    keeper.renew()
    assert keeper.left == 100


async def test_a_log_in_waits_for_a_kdc_that_is_away(keeper: Keeper, realm: Realm) -> None:
    answers = iter([AWAY, AWAY, ""])

    def acquire(*names: str) -> int:
        realm.fault = next(answers)
        return Realm.acquire(realm, *names)

    keeper._acquire = acquire
    await keeper.log_in(pause=0.01)
    assert keeper.left == 100
    assert len(realm.asked) == 3


async def test_a_wrong_key_isnt_waited_for(keeper: Keeper, realm: Realm) -> None:
    realm.fault = "Preauthentication failed"
    with pytest.raises(
        DeniedError, match=r"the key in \S+tm\.keytab isn't the one that the KDC has for tm@R"
    ):
        await keeper.log_in()


async def test_a_foreign_keytab_is_told_before_the_kdc_is_asked(realm: Realm, tmp_path: Path) -> None:
    file = tmp_path / "bob.keytab"
    file.write_bytes(keytab("bob@R"))
    with pytest.raises(InvalidError, match="holds no key of tm@R, but of bob@R"):
        await Keeper("tm@R", file, realm.acquire).log_in()
    assert not realm.asked


def test_a_principal_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"kerberos\.principal: 'a b' is no principal"):
        Keeper("a b", tmp_path)


def test_the_process_becomes_that_principal(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in ("KRB5CCNAME", "KRB5_CLIENT_KTNAME"):
        monkeypatch.setenv(name, "somebody's")
    keeper.enter()
    assert os.environ["KRB5CCNAME"].startswith("MEMORY:")
    assert os.environ["KRB5_CLIENT_KTNAME"].endswith("tm.keytab")
