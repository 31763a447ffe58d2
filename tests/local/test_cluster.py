"""What `up` and `down` do around the daemons, with stand-ins for Java and Maven; the real ones are in tests/real."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.stand_ins import install_java, install_maven, write_list
from trainmaster.cli.local import app
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import jars
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options
from trainmaster.local.services import daemons


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with everything on it, whose daemons all sleep; the home of its Java."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    listed = write_list(tmp_path / "some.lock")
    monkeypatch.setattr(jars, "hadoop", lambda version: listed)
    install_maven(tmp_path)
    home = install_java(tmp_path / "java")
    monkeypatch.setenv("JAVA_HOME", str(home))
    return home


@pytest.fixture
def hadoop(java: Path, tmp_path: Path) -> Iterator[LocalHadoop]:
    cluster = LocalHadoop(tmp_path / "cluster", Options(nodes=2))
    yield cluster
    cluster.down()


def start_all(hadoop: LocalHadoop) -> None:
    """Sleeping daemons never become ready."""
    with pytest.raises(UnavailableError, match="waited 0 s for the NameNode's answer"):
        hadoop.up(timeout=0)


def pids(hadoop: LocalHadoop) -> dict[str, int | None]:
    return {daemon.name: daemon.pid for daemon in hadoop.status()}


def test_before_the_first_up_there_is_nothing_to_ask(hadoop: LocalHadoop) -> None:
    for ask in (hadoop.status, lambda: hadoop.addresses, lambda: hadoop.environment):
        with pytest.raises(UnavailableError, match="trainmaster local up"):
            ask()
    hadoop.down(purge=True)


def test_all_daemons_are_started_and_ended(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    assert list(pids(hadoop)) == list(daemons(2))
    assert all(pids(hadoop).values())
    hadoop.down()
    assert not any(pids(hadoop).values())


def test_any_process_can_take_over_from_the_folder(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    other = LocalHadoop(hadoop.folder)
    assert other.options == hadoop.options
    assert other.addresses == hadoop.addresses
    assert pids(other) == pids(hadoop)


def test_only_what_is_missing_is_started(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    before = pids(hadoop)
    hadoop.kill("nodemanager-2")
    assert pids(hadoop) == before | {"nodemanager-2": None}
    start_all(hadoop)
    after = pids(hadoop)
    assert [name for name in after if after[name] != before[name]] == ["nodemanager-2"]


def test_a_killed_daemon_cannot_be_killed_again(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    hadoop.kill("datanode")
    with pytest.raises(UnavailableError, match="datanode does not run"):
        hadoop.kill("datanode")
    hadoop.start("datanode")
    assert pids(hadoop)["datanode"]


def test_ports_are_remembered(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    before = hadoop.addresses
    hadoop.down()
    start_all(hadoop)
    assert hadoop.addresses == before


def test_other_options_need_a_stop(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    changed = LocalHadoop(hadoop.folder, Options(nodes=1))
    with pytest.raises(InvalidError, match="other options"):
        changed.up(timeout=0)
    hadoop.down()
    start_all(changed)
    assert list(pids(changed)) == list(daemons(1))
    changed.down()


def test_data_of_one_release_is_no_other_ones(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    hadoop.down()
    with pytest.raises(InvalidError, match=r"holds the data of Hadoop 3\.4\.2"):
        LocalHadoop(hadoop.folder, Options(nodes=2, version="3.3.6")).up(timeout=0)


def test_a_daemon_that_ends_is_told_with_its_words(hadoop: LocalHadoop, java: Path) -> None:
    install_java(java, script="echo Address already in use; exit 1")
    with pytest.raises(UnavailableError, match=r"has ended; see .*\.log Address already in use"):
        hadoop.up(timeout=10)


def test_a_lost_record_does_not_save_a_daemon(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    before = pids(hadoop)
    (hadoop.folder / "run/datanode").unlink()
    hadoop.down()
    assert not Path(f"/proc/{before['datanode']}/environ").exists()


def test_a_folder_with_other_files_is_refused(hadoop: LocalHadoop) -> None:
    hadoop.folder.mkdir()
    (hadoop.folder / "thesis.txt").touch()
    with pytest.raises(InvalidError, match="other files"):
        hadoop.up()
    hadoop.down(purge=True)
    assert [path.name for path in hadoop.folder.iterdir()] == ["thesis.txt"]


def test_purge_leaves_nothing(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    hadoop.down(purge=True)
    assert not hadoop.folder.exists()


def test_an_interrupted_first_fetch_is_announced(hadoop: LocalHadoop) -> None:
    heard: list[str] = []
    with pytest.raises(UnavailableError):
        hadoop.up(timeout=0, say=heard.append)
    assert "fetching" in heard[0]
    assert heard[1].startswith("starting namenode, resourcemanager")


def test_the_command_line_tells_errors_and_exits_with_1(java: Path, tmp_path: Path) -> None:
    for command in ("status", "env"):
        done = CliRunner().invoke(app, [command, "--dir", str(tmp_path / "none")])
        assert done.exit_code == 1
        assert "trainmaster local up" in done.output


def test_the_command_line_keeps_what_was_not_given(hadoop: LocalHadoop) -> None:
    start_all(hadoop)
    hadoop.down()
    done = CliRunner().invoke(app, ["up", "--dir", str(hadoop.folder), "--gpus", "1", "--timeout", "0"])
    assert done.exit_code == 1
    assert LocalHadoop(hadoop.folder).options == Options(nodes=2, gpus=1)
    assert CliRunner().invoke(app, ["status", "--dir", str(hadoop.folder)]).exit_code == 1


def test_env_can_be_evaluated(hadoop: LocalHadoop, java: Path) -> None:
    start_all(hadoop)
    done = CliRunner().invoke(app, ["env", "--dir", str(hadoop.folder)])
    assert done.output == f"export HADOOP_CONF_DIR={hadoop.conf_dir}\nexport JAVA_HOME={java}\n"
    assert CliRunner().invoke(app, ["down", "--purge", "--dir", str(hadoop.folder)]).exit_code == 0
    assert not hadoop.folder.exists()


def test_down_says_where_it_found_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["down", "--purge", "--dir", str(tmp_path / "none")])
    assert done.exit_code == 0
    assert done.output == f"there is nothing in {tmp_path}/none\n"
