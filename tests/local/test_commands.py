import subprocess
from dataclasses import replace
from pathlib import Path

from local.stand_ins import install_java
from trainmaster.local.commands import HEAP, MARKER, Installation, command, environment
from trainmaster.local.services import daemons, kind


def place(folder: Path) -> Installation:
    return Installation(
        folder / "a cluster", install_java(folder / "java", script='echo "$@"'), ("/jars/*", "/more/*")
    )


def test_every_daemon_has_a_heap_limit_and_a_log(tmp_path: Path) -> None:
    for daemon in daemons(2):
        line = " ".join(command(place(tmp_path), daemon))
        assert f"-Xmx{HEAP[kind(daemon)]}m" in line
        assert f"logs/{daemon}.log" in line


def test_a_nodemanagers_own_configuration_comes_first(tmp_path: Path) -> None:
    here = place(tmp_path)
    line = command(here, "nodemanager-2")
    classpath = line[line.index("-cp") + 1].split(":")
    assert classpath[:2] == [f"{here.folder}/nodemanager-2/conf", f"{here.folder}/conf"]
    assert classpath[-2:] == ["/jars/*", "/more/*"]


def test_the_namenode_formats_only_a_folder_that_was_never_used(tmp_path: Path) -> None:
    here = place(tmp_path)
    assert [("-format" in line) for line in run_namenode(here)] == [True, False]
    version = here.folder / "namenode/current/VERSION"
    version.parent.mkdir(parents=True)
    version.touch()
    assert [("-format" in line) for line in run_namenode(here)] == [False]


def test_under_kerberos_every_java_is_told_of_the_realm(tmp_path: Path) -> None:
    here = replace(place(tmp_path), kdc_classpath=("/kdc/*",), principals=("yarn/localhost@R", "alice@R"))
    for daemon in daemons(1):
        assert f"-Djava.security.krb5.conf={here.conf}/krb5.conf" in " ".join(command(here, daemon))
    node = command(here, "nodemanager-1")
    assert str(here.classes) in node[node.index("-cp") + 1].split(":")[:2], "before Hadoop's own"
    kdc = command(here, "kdc")
    assert kdc[-3:] == [str(here.keys), "yarn/localhost", "alice"]
    assert "/jars/*" not in " ".join(kdc)


def test_a_failed_formatting_starts_nothing(tmp_path: Path) -> None:
    here = place(tmp_path)
    install_java(here.java, script='echo "$@"; exit 1')
    assert len(run_namenode(here)) == 1


def run_namenode(here: Installation) -> list[str]:
    """The command lines with which Java was run."""
    done = subprocess.run(command(here, "namenode"), capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_daemons_get_few_variables_and_no_secrets(tmp_path: Path) -> None:
    here = place(tmp_path)
    given = environment(here, {"PATH": "/bin", "LANG": "C.UTF-8", "API_TOKEN": "secret"})
    assert given == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "JAVA_HOME": str(here.java),
        "HADOOP_CONF_DIR": str(here.conf),
        "MALLOC_ARENA_MAX": "2",
        MARKER: str(here.folder),
    }
