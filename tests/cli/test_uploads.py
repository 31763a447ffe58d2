"""A declaration pointed at its uploads: one word of the text for each source, and further files behind those that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.in_store import YAML
from trainmaster.cli.exits import MissingError
from trainmaster.cli.uploads import pointed, stand_in, to_staging
from trainmaster.errors import InvalidError
from trainmaster.settings import Settings


def files(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["spec"]["files"]
    return found


@pytest.mark.parametrize("named", ["", "  files:\n  - {source: 'hdfs:///x/y.py'}\n"])
def test_further_files_come_behind_those_that_are_named(tmp_path: Path, named: str) -> None:
    more = [tmp_path / "a.py", tmp_path / "b.py"]
    for path in more:
        path.write_text("")
    sources = [each["source"] for each in files(pointed(YAML + named, tmp_path, stand_in, more))]
    assert sources == (["hdfs:///x/y.py"] if named else []) + [
        "hdfs:///staging/a.py",
        "hdfs:///staging/b.py",
    ]


def test_nothing_is_uploaded_while_one_of_them_is_missing(tmp_path: Path) -> None:
    (tmp_path / "there.py").write_text("")
    uploaded: list[Path] = []

    def upload(path: Path) -> tuple[str, bool]:
        uploaded.append(path)
        return stand_in(path)

    with pytest.raises(MissingError, match=r"gone\.py"):
        pointed(YAML + "  files: [{source: there.py}, {source: gone.py}]\n", tmp_path, upload)
    assert uploaded == []


def test_who_has_nothing_to_upload_needs_no_store(tmp_path: Path) -> None:
    upload = to_staging("vision", "mnist", Settings(store="hdfs:///trainmaster", HADOOP_CONF_DIR=None))
    file = tmp_path / "train.py"
    file.write_text("")
    with pytest.raises(
        InvalidError, match=r"train.py can't be uploaded to hdfs:///trainmaster: .*HADOOP_CONF_DIR"
    ):
        upload(file)


def test_but_for_its_source_every_byte_of_the_file_stays() -> None:
    """Also where a word only is one by its quotes, a time has a zone, and a value stands for two fields."""
    text = (
        "# mine\n"
        + YAML.replace("\n", "\r\n", 1)
        + "  labels:   {a: \"yes\", b: 'no', c: \"1.0\", at: '2026-11-26T10:00:00.123456789+01:00'}\n"
        + '  env: [{name: ON, value: &v "on"}, {name: OFF, value: *v}]\n'
        + '  files:\n  - source: train.py   # the script\n    name: "yes"\n'
    )
    ours = Path(__file__)
    text = text.replace("source: train.py", f"source: {ours.name}")
    after = pointed(text, ours.parent, stand_in)
    assert after == text.replace(f"source: {ours.name}", f"source: hdfs:///staging/{ours.name}")
