from pathlib import Path

import pytest

from local.stand_ins import install, install_java
from trainmaster.errors import InvalidError
from trainmaster.local import machine
from trainmaster.local.machine import Needs, find_java, java_version, require


@pytest.mark.parametrize(("told", "version"), [("17.0.15", 17), ("11", 11), ("1.8.0_392", 8), ("25.0.3", 25)])
def test_javas_tell_their_version(tmp_path: Path, told: str, version: int) -> None:
    assert java_version(install_java(tmp_path, told)) == version


def test_a_folder_without_a_java_has_no_version(tmp_path: Path) -> None:
    (tmp_path / "release").write_text('JAVA_VERSION="17"\n')
    assert java_version(tmp_path) is None


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where Javas are looked for."""
    monkeypatch.setattr(machine, "JAVA_PLACES", tmp_path / "jvm")
    return tmp_path / "jvm"


def test_the_java_of_java_home_is_taken_if_it_fits(elsewhere: Path, tmp_path: Path) -> None:
    install_java(elsewhere / "best", "17.0.1")
    chosen = install_java(tmp_path / "chosen", "11.0.1")
    assert find_java({"JAVA_HOME": str(chosen)}) == chosen


def test_a_java_home_that_does_not_fit_is_passed_over(elsewhere: Path, tmp_path: Path) -> None:
    chosen, fitting = install_java(tmp_path / "chosen", "25"), install_java(elsewhere / "fits", "17.0.1")
    install_java(elsewhere / "also", "11.0.1")
    assert find_java({"JAVA_HOME": str(chosen), "PATH": ""}) == fitting


def test_the_java_on_the_path_is_found_through_links(elsewhere: Path, tmp_path: Path) -> None:
    home = install_java(tmp_path / "opt/java", "11.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").symlink_to(home / "bin/java")
    assert find_java({"PATH": str(tmp_path / "bin")}) == home


@pytest.fixture
def bare(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it; its PATH."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_all_that_is_missing_is_named_at_once(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 100)
    monkeypatch.setattr(machine, "WANTED_DISK", 1 << 40)
    with pytest.raises(InvalidError) as told:
        require(Needs(tmp_path / "not/yet", daemons=5, jars=True))
    text = str(told.value)
    for part in (
        "openjdk-17-jre-headless",
        "apt-get install maven",
        "5 daemons",
        "100 are free",
        "MiB of disk",
    ):
        assert part in text


def test_maven_is_needed_only_to_fetch(bare: Path, tmp_path: Path) -> None:
    home = install_java(tmp_path / "java")
    install(bare, "java", "exit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(home))
        assert require(Needs(tmp_path, daemons=0, jars=False)) == home
        with pytest.raises(InvalidError, match="Maven"):
            require(Needs(tmp_path, daemons=0, jars=True))


def test_other_kinds_of_machine_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(InvalidError, match=r"Linux on x86_64.*aarch64"):
        require(Needs(tmp_path, daemons=0, jars=False))
