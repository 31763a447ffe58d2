"""`store init`, and what `apply` says where nobody has made a store ready."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Ran
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.store import controller_of
from trainmaster.errors import DeniedError
from trainmaster.settings import Settings
from trainmaster.sources.local_files import LocalFiles

Run = Callable[..., Ran]
ME = getpass.getuser()


def test_a_store_is_made_ready_once_and_then_found_so(trainmaster: Run, tmp_path: Path) -> None:
    root = tmp_path / "store"
    ran = trainmaster("store", "init")
    assert ran.code == 0
    assert f"file://{root}/journal: it isn't there\n" in ran.out
    assert ran.out.endswith(f"file://{root} is ready for {ME}\n")
    assert (root / "journal").stat().st_mode & 0o7777 == 0o700
    assert trainmaster("store", "init").out == f"file://{root} is ready for {ME}\n"


def test_a_dry_run_tells_and_changes_nothing(trainmaster: Run, tmp_path: Path) -> None:
    ran = trainmaster("store", "init", "--dry-run")
    assert ran.code == 0
    assert "store/jobs: it isn't there" in ran.out
    assert f"is not ready for {ME}" in ran.out
    assert not (tmp_path / "store").exists()


def test_what_nobody_should_mend_without_a_look_ends_it_with_a_code_of_its_own(
    trainmaster: Run, tmp_path: Path
) -> None:
    assert trainmaster("store", "init").code == 0
    (tmp_path / "store/journal").chmod(0o707)
    ran = trainmaster("store", "init")
    assert ran.code == ExitCode.INVALID
    assert "others may write in it (mode 707): chmod go-w, once you know that nobody has" in ran.out
    assert (tmp_path / "store/journal").stat().st_mode & 0o7777 == 0o707


def denied(*_: object) -> None:
    raise DeniedError("AccessControlException", "Permission denied: user=alice")


def test_who_may_not_is_told_the_commands(
    trainmaster: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalFiles, "make_folder", denied)
    ran = trainmaster("store", "init", "--owner", "trainmaster")
    root = tmp_path / "store"
    assert ran.code == ExitCode.DENIED
    assert "You may not change all of that: Permission denied: user=alice\n" in ran.out
    assert f"\n  chmod 1777 {root}/jobs {root}/staging\n" in ran.out


def test_the_controllers_own_files_may_have_a_root_of_their_own(
    trainmaster: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINMASTER_STATE", f"file://{tmp_path}/own")
    assert trainmaster("store", "init").code == 0
    assert sorted(each.name for each in (tmp_path / "store").iterdir()) == ["jobs", "staging"]
    assert sorted(each.name for each in (tmp_path / "own").iterdir()) == ["journal", "known", "lease"]


# --- apply before anything else


def with_principal(monkeypatch: pytest.MonkeyPatch, principal: str) -> None:
    monkeypatch.setenv("TRAINMASTER_KERBEROS__PRINCIPAL", principal)
    monkeypatch.setenv("TRAINMASTER_KERBEROS__KEYTAB", "/etc/trainmaster.keytab")


def test_apply_makes_no_store_that_the_controller_would_refuse(
    trainmaster: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under Kerberos the settings tell who the controller is, and it rests on no folder of somebody else's."""
    with_principal(monkeypatch, "trainmaster/_HOST@EXAMPLE.COM")
    for words in (("apply", "-f", str(file)), ("run", str(file))):
        ran = trainmaster(*words)
        assert ran.code == ExitCode.INVALID
        assert (
            f"there is no store file://{tmp_path}/store, and the controller (trainmaster) takes none of {ME}'s"
            in ran.error
        )
        assert "trainmaster store init" in ran.error
    assert not (tmp_path / "store").exists()


def test_apply_goes_on_where_the_store_is_ready_or_the_controller_is_oneself(
    trainmaster: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_principal(monkeypatch, f"{ME}@EXAMPLE.COM")
    ran = trainmaster("apply", "-f", str(file))
    assert (ran.code, "it is made now" in ran.err) == (0, True)
    with_principal(monkeypatch, "trainmaster/_HOST@EXAMPLE.COM")
    assert trainmaster("apply", "-f", str(file)).out == "trainingjob/mnist unchanged\n"


def test_whom_the_store_denies_a_root_is_told_what_makes_one(
    trainmaster: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalFiles, "make_folder", denied)
    ran = trainmaster("apply", "-f", str(file))
    assert ran.code == ExitCode.DENIED
    assert (
        "Permission denied: user=alice: nobody has made this store ready; `trainmaster store init` does"
        in ran.err
    )


@pytest.mark.parametrize(
    ("store", "kerberos", "who"),
    [
        ("hdfs:///trainmaster", "kerberos", "under Kerberos a user of its own"),
        ("hdfs:///trainmaster", "simple", ""),
        ("file:///trainmaster", "kerberos", ""),
    ],
)
def test_under_kerberos_the_controller_is_none_of_the_people_even_where_nobody_says_who(
    store: str, kerberos: str, who: str
) -> None:
    settings = Settings(store=store, hadoop={"hadoop.security.authentication": kerberos})
    assert controller_of(settings) == who
