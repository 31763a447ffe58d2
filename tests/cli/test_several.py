"""Commands on several jobs: by names, by labels, and what is printed of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.in_store import YAML, seen
from cli.running import Ran
from observe.pictures import condition
from trainmaster.api.declared import Declared
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.cli.exits import ExitCode
from trainmaster.sources import shown

Run = Callable[..., Ran]
NAMES = ("a", "b", "c")


@pytest.fixture
def three(trainmaster: Run, tmp_path: Path) -> Path:
    """A store with vision/a, b and c, of which a and c are of the team red."""
    for name in NAMES:
        team = "blue" if name == "b" else "red"
        text = YAML.replace("name: mnist", f"name: {name}").replace(
            "vision}", f"vision, labels: {{team: {team}}}}}"
        )
        (tmp_path / f"{name}.yaml").write_text(text)
        assert trainmaster("apply", "-f", str(tmp_path / f"{name}.yaml")).code == 0
    return tmp_path / "store"


def say(store: Path, name: str, status: JobStatus) -> None:
    """What a controller would show of it."""
    job = Declared("folder", "vision", name, f"uid-{name}", f"vision/{name}.yaml", "alice")
    path = store / "status/vision" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(shown.to_bytes(job, status))


def names(ran: Ran) -> list[str]:
    return [line.split("/")[-1] for line in ran.out.splitlines()]


@pytest.mark.usefixtures("three")
def test_get_takes_names_or_labels(trainmaster: Run) -> None:
    get = ("get", "-n", "vision", "-o", "name")
    assert names(trainmaster(*get, "b", "a")) == ["b", "a"]
    assert names(trainmaster(*get, "-l", "team=red")) == ["a", "c"]
    assert names(trainmaster(*get, "-l", "team!=red,!old")) == ["b"]
    assert names(trainmaster("get", "-A", "-o", "name", "-l", "team in (red)")) == ["a", "c"]
    assert "No jobs" in trainmaster("get", "-n", "vision", "-l", "team=green").err
    assert trainmaster(*get, "-l", "team=(").code == ExitCode.USAGE


@pytest.mark.usefixtures("three")
def test_those_that_are_there_are_shown_beside_those_that_are_not(trainmaster: Run) -> None:
    ran = trainmaster("get", "-n", "vision", "a", "x", "y", "-o", "name")
    assert (ran.code, names(ran)) == (ExitCode.MISSING, ["a"])
    assert [line.split(" in ")[0] for line in ran.err.splitlines()] == [
        "error: there is no job vision/x",
        "error: there is no job vision/y",
    ]


@pytest.mark.parametrize(
    "words", [("-l", ""), ("-l", " "), ("-l", "\t\n"), ("a", "-l", "team=red"), ("",), ("a", "")]
)
def test_a_blank_variable_names_no_job_and_never_all(
    trainmaster: Run, three: Path, words: tuple[str, ...]
) -> None:
    """As in `delete -l "$UNSET "`."""
    for command in (("delete",), ("suspend",), ("rerun",)):
        assert trainmaster(*command, "-n", "vision", *words).code == ExitCode.USAGE
    assert {path.name for path in three.rglob("*.yaml")} == {"a.yaml", "b.yaml", "c.yaml"}


@pytest.mark.usefixtures("three")
def test_what_fails_for_one_is_done_for_the_others(trainmaster: Run) -> None:
    ran = trainmaster("suspend", "a", "x", "b", "-n", "vision")
    assert (ran.code, ran.out) == (ExitCode.MISSING, "trainingjob/a suspended\ntrainingjob/b suspended\n")
    assert "vision/x" in ran.error
    assert (
        trainmaster("resume", "-l", "team=red", "-n", "vision").out
        == "trainingjob/a resumed\ntrainingjob/c resumed\n"
    )
    assert trainmaster("delete", "-l", "team", "-n", "vision").out.count("deleted") == 3


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("command", ["suspend", "resume", "rerun", "delete", "describe", "wait"])
def test_names_and_labels_together_say_nothing(trainmaster: Run, command: str) -> None:
    assert trainmaster(command, "a", "-l", "team").code == ExitCode.USAGE
    assert trainmaster(command).code == ExitCode.USAGE


def test_several_finished_jobs_run_again(trainmaster: Run, three: Path) -> None:
    for name in "ac":
        say(three, name, seen("Failed", conditions=(condition(ConditionType.FINISHED, "X"),)))
    ran = trainmaster("rerun", *NAMES, "-n", "vision")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["trainingjob/a", "trainingjob/c"]
    assert (ran.code, "vision/b has not finished" in ran.error) == (ExitCode.INVALID, True)


@pytest.mark.usefixtures("three")
def test_describe_tells_of_one_after_the_other(trainmaster: Run) -> None:
    out = trainmaster("describe", "a", "b", "-n", "vision").out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("Name:")] == ["a", "b"]


def test_wait_takes_several_and_a_path(trainmaster: Run, three: Path) -> None:
    for name in NAMES:
        say(three, name, seen("Running", conditions=(condition(ConditionType.RUNNING, "X"),)))
    wait = ("wait", "-n", "vision", "--timeout", "0.1s")
    assert trainmaster(*wait, "-l", "team", "--for=condition=Running").out.count("condition met") == 3
    for path in (
        "{.status.state}=Running",
        ".status.state=Running",
        "{.status.applicationId}",
        ".status.state",
        '{.status.conditions[?(@.type=="Running")].status}=True',
        "{.spec.roles.worker.replicas}=2",
    ):
        assert trainmaster(*wait, "a", f"--for=jsonpath={path}").code == 0, path
    assert trainmaster(*wait, "a", "--for=jsonpath={.status.state}=Failed").code == ExitCode.TIMEOUT
    assert trainmaster(*wait, "a", "--for=jsonpath={.status.nothing}").code == ExitCode.TIMEOUT
    assert trainmaster(*wait, "a", "--for=jsonpath={.a[}").code == ExitCode.USAGE
    say(three, "a", seen("Failed", conditions=(condition(ConditionType.FINISHED, "X"),)))
    ran = trainmaster(*wait, *NAMES, "--for=jsonpath={.status.state}=Running")
    assert (ran.code, ran.out.count("met")) == (ExitCode.FAILED, 2)


@pytest.mark.usefixtures("three")
def test_a_template_prints_to_the_letter(trainmaster: Run) -> None:
    get = ("get", "-n", "vision", "-o")
    assert trainmaster(*get, "jsonpath={.spec.queue}", "a").out == "gpu"
    assert trainmaster(*get, "jsonpath=.spec.queue", "a").out == "gpu"
    assert trainmaster(*get, "jsonpath={.items[*].metadata.name}").out == "a b c"
    assert (
        trainmaster(*get, 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}', "a", "b").out == "a\nb\n"
    )
    for wrong in ("jsonpath={.a[}", "jsonpath=", "custom-columns=", "custom-columns=NAME", "toml"):
        assert trainmaster(*get, wrong).code == ExitCode.USAGE


@pytest.mark.usefixtures("three")
def test_columns_are_chosen(trainmaster: Run) -> None:
    columns = "NAME:.metadata.name,TEAM:.metadata.labels.team,STATE:.status.state"
    ran = trainmaster("get", "-n", "vision", "-o", f"custom-columns={columns}")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["NAME", "TEAM", "STATE"],
        ["a", "red", "<none>"],
        ["b", "blue", "<none>"],
        ["c", "red", "<none>"],
    ]


@pytest.mark.usefixtures("three")
def test_several_named_jobs_are_a_list(trainmaster: Run) -> None:
    found = json.loads(trainmaster("get", "-n", "vision", "a", "b", "-o", "json").out)
    assert [each["metadata"]["name"] for each in found["items"]] == ["a", "b"]
