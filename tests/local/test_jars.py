import os
import threading
from pathlib import Path

import pytest

from local.stand_ins import JARS, install, install_maven, write_list
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import files, jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path / "cache"


def leftovers(cache: Path) -> list[Path]:
    return [path for path in (cache / "jars").iterdir() if path.suffix != ".lock"]


def test_jars_are_fetched_once(tmp_path: Path, cache: Path) -> None:
    runs, wanted = install_maven(tmp_path), write_list(tmp_path / "some.lock")
    folder = jars.fetch(wanted, cache)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "one-1.0.jar": b"first",
        "two-2.0-linux.jar": b"second",
    }
    assert jars.fetch(wanted, cache) == folder
    assert runs.read_text() == "run\n"


def test_two_at_once_fetch_once(tmp_path: Path, cache: Path) -> None:
    runs, wanted = install_maven(tmp_path), write_list(tmp_path / "some.lock")
    threads = [threading.Thread(target=jars.fetch, args=(wanted, cache)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jars.fetched(wanted, cache)
    assert runs.read_text() == "run\n"


def test_a_wrong_checksum_is_refused_and_nothing_stays(tmp_path: Path, cache: Path) -> None:
    install_maven(tmp_path, JARS | {"org.example:one:1.0": b"forged"})
    with pytest.raises(InvalidError, match=r"one-1\.0\.jar"):
        jars.fetch(write_list(tmp_path / "some.lock"), cache)
    assert leftovers(cache) == []


def test_a_missing_jar_is_refused_by_name(tmp_path: Path, cache: Path) -> None:
    install_maven(tmp_path, {"org.example:one:1.0": b"first"})
    with pytest.raises(InvalidError, match=r"two-2\.0-linux\.jar"):
        jars.fetch(write_list(tmp_path / "some.lock"), cache)


def test_a_jar_that_was_spoiled_later_is_fetched_again(tmp_path: Path, cache: Path) -> None:
    runs, wanted = install_maven(tmp_path), write_list(tmp_path / "some.lock")
    spoiled = jars.fetch(wanted, cache) / "one-1.0.jar"
    spoiled.write_bytes(b"half")
    jars.fetch(wanted, cache)
    assert spoiled.read_bytes() == b"first"
    assert runs.read_text() == "run\nrun\n"


def test_another_list_is_another_folder(tmp_path: Path, cache: Path) -> None:
    one = jars.folder_of(write_list(tmp_path / "some.lock"), cache)
    two = jars.folder_of(write_list(tmp_path / "some.lock", {"org.example:one:1.0": b"newer"}), cache)
    assert one != two


def test_mavens_words_are_told(tmp_path: Path, cache: Path) -> None:
    install(tmp_path / "bin", "mvn", "echo '[ERROR] no route to the repository'; exit 1")
    with pytest.raises(UnavailableError, match="no route to the repository"):
        jars.fetch(write_list(tmp_path / "some.lock"), cache)
    assert leftovers(cache) == []


def test_no_maven_is_said(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="not installed"):
        jars.fetch(write_list(tmp_path / "some.lock"), cache)


@pytest.mark.parametrize("line", ["a:b 12", "a:b:c nothex", "a:b:c:d:e " + "0" * 64, "a:b:c"])
def test_a_bad_line_is_refused_with_its_text(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.lock").write_text(f"# a comment\n\n{line}\n")
    with pytest.raises(InvalidError, match=r"bad\.lock"):
        jars.read_list(tmp_path / "bad.lock")


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    """`down --purge` removes the folder while another `up` waits for its lock."""
    path, entered = tmp_path / "folder/lock", threading.Event()

    def wait_for_it() -> None:
        with files.locked(path):
            assert path.exists()
            entered.set()

    waiting = threading.Thread(target=wait_for_it)
    with files.locked(path):
        waiting.start()
        assert not entered.wait(0.2)
        path.unlink()
        path.parent.rmdir()
    waiting.join(10)
    assert entered.is_set()
