"""Sentences about the archive of what daemons load: whose it is, when it is made, and of what."""

from __future__ import annotations

import os
from pathlib import Path

from local.stand_ins import install_java
from trainmaster.local import sharing

MAKES = """for word; do case $word in -XX:SharedArchiveFile=*) touch "${word#*=}";; esac; done"""
LIST = "# a note\njava/lang/Object id: 0\nof/Hadoop id: 7\nof/One id: 8 super: 0 source: a.jar\n@lambda-proxy of/Hadoop run\n"


def jars(folder: Path) -> Path:
    made = folder / "jars/hadoop-1"
    made.mkdir(parents=True)
    return made


def test_each_java_and_each_fetch_of_the_jars_has_its_own(tmp_path: Path) -> None:
    ours, java = jars(tmp_path), install_java(tmp_path / "java")
    first = sharing.archive(ours, java)
    assert sharing.archive(ours, java) == first
    (java / "release").write_text('JAVA_VERSION="11"\n')
    other = sharing.archive(ours, java)
    os.utime(ours, (1, 1))
    assert len({first, other, sharing.archive(ours, java)}) == 3


def test_it_is_listed_once_and_shared_from_then_on(tmp_path: Path) -> None:
    ours, java, logs = jars(tmp_path), install_java(tmp_path / "java", script=MAKES), tmp_path / "logs"
    logs.mkdir()
    shared = sharing.archive(ours, java)
    sharing.make(shared, ours, java, logs)
    assert sharing.options(shared, logs) == (f"-XX:DumpLoadedClassList={logs}/classes-%p.list",)
    (logs / "classes-12.list").write_text(LIST)
    sharing.make(shared, ours, java, logs)
    assert sharing.options(shared, logs) == (f"-XX:SharedArchiveFile={shared}",)
    assert list(logs.iterdir()) == []
    assert {path.name for path in ours.parent.iterdir()} == {
        "hadoop-1",
        shared.name,
        shared.with_suffix(".lock").name,
    }


def test_a_java_that_cant_make_it_costs_nothing(tmp_path: Path) -> None:
    ours, java, logs = jars(tmp_path), install_java(tmp_path / "java", script="exit 1"), tmp_path / "logs"
    logs.mkdir()
    (logs / "classes-12.list").write_text(LIST)
    shared = sharing.archive(ours, java)
    sharing.make(shared, ours, java, logs)
    assert not shared.exists()


def test_lists_are_merged_without_what_is_of_one_process_alone() -> None:
    killed = "of/Hadoop id: 3\nof/Yarn id: 4\nof/Cut"
    assert sharing.merged([LIST, killed]).splitlines() == [
        "java/lang/Object",
        "of/Hadoop",
        "@lambda-proxy of/Hadoop run",
        "of/Yarn",
    ]
