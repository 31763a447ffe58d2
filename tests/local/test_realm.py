"""Keys of a local realm: handed out once the KDC has made them, each to its owner."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hadoop.kerberos.tabs import keytab
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.kerberos import keytabs
from trainmaster.local import realm
from trainmaster.local.options import Options
from trainmaster.local.security import principals

OPTIONS = Options(kerberos=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    realm.prepare(tmp_path, OPTIONS, {"kdc.kerberos": 12345}, starting=True)
    return tmp_path


def test_each_file_holds_its_owners_keys_and_is_nobody_elses(folder: Path) -> None:
    keys = folder / "kdc/all.keytab"
    keys.write_bytes(keytab(*principals(OPTIONS, "carol")))
    realm.hand_out(folder, keys, OPTIONS, "carol", lambda: False)
    for name in ("alice", "carol"):
        file = folder / f"keytabs/{name}.keytab"
        assert [each.partition("@")[0] for each in keytabs.read(file.read_bytes())] == [name]
        assert file.stat().st_mode & 0o777 == 0o600
    assert (folder / "keytabs").stat().st_mode & 0o777 == 0o700


def test_keys_are_waited_for(folder: Path) -> None:
    keys, wanted = folder / "kdc/all.keytab", principals(OPTIONS, "carol")
    keys.write_bytes(keytab(*wanted[:2])[:-1])
    threading.Timer(0.2, keys.write_bytes, [keytab(*wanted)]).start()
    realm.hand_out(folder, keys, OPTIONS, "carol", lambda: False)


def test_a_kdc_that_ended_is_told(folder: Path) -> None:
    with pytest.raises(UnavailableError, match=r"the KDC made no keys; see .*/logs/kdc\.out"):
        realm.hand_out(folder, folder / "none", OPTIONS, "carol", lambda: True)


def test_a_kdc_that_starts_finds_nothing_of_an_earlier_one(folder: Path) -> None:
    (folder / "kdc/all.keytab").write_bytes(keytab("old@R"))
    secret = (folder / "keytabs/http-secret").read_text()
    realm.prepare(folder, OPTIONS, {"kdc.kerberos": 12345}, starting=True)
    assert not (folder / "kdc/all.keytab").exists()
    assert (folder / "kdc/kdc.properties").exists()
    assert (folder / "keytabs/http-secret").read_text() == secret


def test_one_is_of_the_realm_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", "mine")
    monkeypatch.delenv("KRB5CCNAME", raising=False)
    with realm.entered({"KRB5_CONFIG": "theirs", "KRB5CCNAME": "theirs"}):
        assert os.environ["KRB5_CONFIG"] == "theirs"
    assert os.environ["KRB5_CONFIG"] == "mine"
    assert "KRB5CCNAME" not in os.environ
