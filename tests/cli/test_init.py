"""Starters: each is valid as it is written, can be read by Python, and writes over nothing."""

from __future__ import annotations

import ast
import getpass
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from cli.running import Ran
from trainmaster.api.job import Framework
from trainmaster.cli.exits import ExitCode
from trainmaster.cli.init import starter

Run = Callable[..., Ran]
FRAMEWORKS = tuple(each.value for each in Framework)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_starter_is_valid_as_it_is_and_all_that_it_names_is_there(
    trainmaster: Run, tmp_path: Path, framework: str
) -> None:
    folder = tmp_path / "My Job_1"
    assert trainmaster("init", framework, str(folder)).code == ExitCode.OK
    ran = trainmaster("validate", str(folder / "job.yaml"))
    assert ran.out == f"{folder / 'job.yaml'}: default/my-job-1 is valid\n"
    declared = yaml.safe_load((folder / "job.yaml").read_text())
    assert declared["spec"].get("framework", "Generic") == framework
    assert all((folder / file["source"]).exists() for file in declared["spec"].get("files", []))
    assert "NAME" not in (folder / "job.yaml").read_text()
    assert "TODO" in (folder / "job.yaml").read_text()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_its_script_is_short_and_python_reads_it(framework: str) -> None:
    texts = starter(framework, "a")
    for name in (name for name in texts if name.endswith(".py")):
        ast.parse(texts[name], name)
        assert texts[name].count("\n") <= 100
        assert '"""' in texts[name][:4], "its first line says what it is"


@pytest.mark.parametrize(
    "folder", ["2024", "1e3", "0x1f", "on", "null", "~", "y", "1.5", "-", "No", "a: b", "#1", "x" * 80]
)
def test_a_folder_of_any_name_makes_a_job_that_is_valid(
    trainmaster: Run, tmp_path: Path, folder: str
) -> None:
    assert trainmaster("init", "PyTorch", str(tmp_path / folder)).code == ExitCode.OK
    ran = trainmaster("validate", str(tmp_path / folder / "job.yaml"))
    assert (ran.code, ran.out.endswith(" is valid\n")) == (ExitCode.OK, True)
    for reader in (yaml.safe_load, YAML(typ="safe").load):
        assert isinstance(reader((tmp_path / folder / "job.yaml").read_text())["metadata"]["name"], str)


@pytest.mark.parametrize("name", ["a: b", "A", 'a"b', "-a", "a\nb", "x" * 64, "{a}", "a #b"])
def test_what_no_job_may_be_called_is_told_and_nothing_is_written(
    trainmaster: Run, tmp_path: Path, name: str
) -> None:
    ran = trainmaster("init", "PyTorch", str(tmp_path / "new"), "--name", name)
    assert ran.code == ExitCode.USAGE
    assert " is no name of a job: it must be lower-case letters" in ran.error
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_is_a_file_is_told(trainmaster: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    ran = trainmaster("init", "PyTorch", str(tmp_path / place))
    assert ran.code == ExitCode.USAGE
    assert ran.error.startswith(f"error: nothing can be written to {tmp_path / place}: ")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_checkpoints_lie_where_nobody_else_may_write(framework: str) -> None:
    """A process reads them: who may write there could have it run what he likes."""
    spec = yaml.safe_load(starter(framework, "a")["job.yaml"])["spec"]
    for path in (spec.get("checkpointPath"), spec.get("savedModelPath")):
        assert path is None or path.startswith(f"hdfs:///user/{getpass.getuser()}/a/")


def test_nothing_is_written_over_and_nothing_half_written(trainmaster: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("mine")
    ran = trainmaster("init", "PyTorch", str(tmp_path))
    assert ran.code == ExitCode.USAGE
    assert ran.error == f"error: {tmp_path}/train.py is there already, and nothing is written over"
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_a_framework_without_one_is_told_with_those_that_have(trainmaster: Run, tmp_path: Path) -> None:
    ran = trainmaster("init", "Paddle", str(tmp_path))
    assert ran.code == ExitCode.MISSING
    assert ran.error.endswith(f"there is one for {', '.join(sorted(map(str.lower, FRAMEWORKS)))}")


def test_a_name_can_be_given(trainmaster: Run, tmp_path: Path) -> None:
    trainmaster("init", "generic", str(tmp_path), "--name", "mnist")
    assert yaml.safe_load((tmp_path / "job.yaml").read_text())["metadata"]["name"] == "mnist"
