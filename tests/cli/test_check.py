"""`validate` and `explain`, and the errors that every command shares."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.running import Ran
from trainmaster.cli.exits import CODES, ExitCode, MissingError, exit_code
from trainmaster.cli.main import PANELS
from trainmaster.errors import DeniedError, RefusedError, UnavailableError
from trainmaster.settings import Settings, misspelled

Run = Callable[..., Ran]
GOOD = """\
apiVersion: trainmaster.io/v1alpha1
kind: TrainingJob
metadata: {name: mnist}
spec:
  roles:
    worker: {replicas: 2, command: python train.py}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "mnist.yaml"
    path.write_text(GOOD)
    return path


def test_a_valid_file_is_said_to_be_valid(trainmaster: Run, good: Path) -> None:
    ran = trainmaster("validate", str(good))
    assert (ran.code, ran.out) == (ExitCode.OK, f"{good}: default/mnist is valid\n")


def test_problems_come_as_file_line_field_reason(trainmaster: Run, good: Path) -> None:
    good.write_text(GOOD.replace("replicas: 2", "replicsa: 2"))
    ran = trainmaster("validate", str(good))
    assert ran.code == ExitCode.INVALID
    assert ran.out.startswith(f"{good}:6: spec.roles.worker.replicsa: ")
    assert "replicas" in ran.out


def test_a_later_document_keeps_its_lines(trainmaster: Run, good: Path) -> None:
    good.write_text("# jobs\n---\n" + GOOD + "---\n" + GOOD.replace("replicas: 2", "replicas: -2"))
    ran = trainmaster("validate", str(good))
    assert ran.out.splitlines()[0] == f"{good}: default/mnist is valid"
    assert f"{good}:15: spec.roles.worker.replicas: " in ran.out


def test_dashes_inside_a_script_are_no_new_document(trainmaster: Run, good: Path) -> None:
    good.write_text(
        GOOD.replace("command: python train.py}", 'command: "true"}')
        + "    ps:\n      command: |\n        ---\n"
    )
    assert trainmaster("validate", str(good)).code == ExitCode.OK


def test_a_file_without_a_name_takes_its_own(trainmaster: Run, good: Path) -> None:
    good.write_text(GOOD.replace("metadata: {name: mnist}\n", ""))
    assert "default/mnist is valid" in trainmaster("validate", str(good)).out


def test_standard_input_and_folders(trainmaster: Run, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(GOOD))
    assert trainmaster("validate", "-").out == "<stdin>: default/mnist is valid\n"
    assert "default/mnist is valid" in trainmaster("validate", str(good.parent)).out


def test_a_source_on_this_machine_is_valid_when_it_is_there(trainmaster: Run, good: Path) -> None:
    good.write_text(GOOD + "  files: [{source: train.py}]\n")
    assert trainmaster("validate", str(good)).code == ExitCode.INVALID
    (good.parent / "train.py").write_text("")
    assert trainmaster("validate", str(good)).code == ExitCode.OK


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "\t", "spec: &a [*a]", "💥", "kind: Job"])
def test_whatever_a_file_holds_there_is_no_traceback(trainmaster: Run, good: Path, text: str) -> None:
    good.write_text(text)
    ran = trainmaster("validate", str(good))
    assert ran.code == ExitCode.INVALID
    assert re.match(rf"{re.escape(str(good))}:[12]: ", ran.out)
    assert not ran.err


def test_a_file_that_is_no_text(trainmaster: Run, good: Path) -> None:
    good.write_bytes(b"\xff\xfe\x00")
    ran = trainmaster("validate", str(good))
    assert (ran.code, ran.error) == (ExitCode.INVALID, f"error: {good}: not UTF-8 text: byte 0 can't be read")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["validate", "nowhere.yaml"], ExitCode.MISSING, "no such file or folder: nowhere.yaml"),
        (["validate"], ExitCode.USAGE, "Missing argument"),
        (["frobnicate"], ExitCode.USAGE, "No such command"),
        (["get", "--frobnicate"], ExitCode.USAGE, "No such option"),
        (["explain", "replica"], ExitCode.INVALID, "did you mean replicas?"),
        (["get", "--store", "gopher://x"], ExitCode.INVALID, "gopher://x"),
    ],
)
def test_errors_are_one_line_and_a_code(
    trainmaster: Run, words: list[str], code: ExitCode, told: str
) -> None:
    ran = trainmaster(*words)
    assert ran.code == code
    assert ran.error.startswith("error: ")
    assert told in ran.error


def test_wrong_settings_name_the_field(trainmaster: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINMASTER_WEB_PORT", "many")
    ran = trainmaster("get")
    assert ran.code == ExitCode.SETTINGS
    assert ran.error.startswith("error: settings: web_port: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MissingError("x"), 66),
        (UnavailableError("x"), 69),
        (DeniedError("AccessControlException", "x"), 77),
        (RefusedError("java.io.IOException", "x"), 76),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError(), 70),
    ],
)
def test_each_family_has_its_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_no_family_is_hidden_by_a_wider_one() -> None:
    for place, (family, _) in enumerate(CODES):
        assert not any(issubclass(family, wider) for wider, _ in CODES[:place])


def test_explain_tells_type_default_and_edit(trainmaster: Run) -> None:
    out = trainmaster("explain", "spec.roles.worker.restartPolicy").out
    assert out.startswith("spec.roles.worker.restartPolicy  (trainmaster.io/v1alpha1)\n")
    assert "type:     Never, OnFailure, Always, ExitCode" in out
    assert "default:  OnFailure" in out
    assert "an edit:  taken over live" in out
    assert "Never: no end" in out


@pytest.mark.parametrize("field", ["runPolicy.backoff.base", "spec.runPolicy.backoff.base"])
def test_explain_finds_a_field_with_and_without_spec(trainmaster: Run, field: str) -> None:
    assert trainmaster("explain", field).out.startswith("spec.runPolicy.backoff.base  (")


def test_explain_of_a_bare_name_in_several_places_lists_them(trainmaster: Run) -> None:
    out = trainmaster("explain", "restarts").out
    assert "status.roles.<name>.restarts" in out
    assert "status.restarts" in out


def test_explain_of_a_list_shows_the_fields_of_its_elements(trainmaster: Run) -> None:
    assert "source" in trainmaster("explain", "files[0]").out
    assert trainmaster("explain", "files[].source").out.startswith("spec.files[].source  (")


def test_help_imports_none_of_the_slow_libraries() -> None:
    script = "import sys, trainmaster.cli.main; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    slow = {"pydantic", "aiohttp", "requests", "fsspec", "hdfs_native", "google", "yaml", "ruamel", "jinja2"}
    assert not set(done.stdout.split()) & slow


def test_the_docs_list_every_exit_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    listed = {int(n) for row in re.findall(r"^\| ([0-9, ]+) \|", text, re.MULTILINE) for n in row.split(", ")}
    assert listed == {int(code) for code in ExitCode}


def test_the_docs_name_every_command() -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    commands = [name for panel in PANELS.values() for name in panel]
    assert [name for name in commands if not re.search(rf"`[^`]*\b{name}\b", text)] == []


def test_the_readme_fits_a_screen_and_a_half() -> None:
    lines = (Path(__file__).parents[2] / "README.md").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 80


def test_a_mistyped_local_file_is_not_there(trainmaster: Run, good: Path) -> None:
    good.write_text(GOOD + "  files: [{source: tarin.py}]\n")
    ran = trainmaster("validate", str(good))
    assert ran.code == ExitCode.INVALID
    assert ran.out == f"{good}:7: spec.files[0].source: no such file: {good.parent}/tarin.py\n"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TRAINMASTER_STOER", "x", "TRAINMASTER_STOER is no setting: did you mean TRAINMASTER_STORE?"),
        ("TRAINMASTER_PORT", "9", "TRAINMASTER_PORT is no setting: it is called TRAINMASTER_WEB_PORT"),
        ("TRAINMASTER_XYZZY", "", "TRAINMASTER_XYZZY is no setting"),
    ],
)
def test_a_setting_of_the_environment_that_is_none_is_said(variable: str, value: str, said: str) -> None:
    assert list(misspelled({variable: value, "PATH": "/bin", "TRAINMASTER_STORE": "x"})) == [said]


@pytest.mark.parametrize(
    "environment",
    [
        {f"TRAINMASTER_{name.upper()}": "" for name in Settings.model_fields},
        {
            "TRAINMASTER_KUBERNETES__WEBHOOK__PORT": "1",
            "TRAINMASTER_CONFIG": "f",
            "TRAINMASTER_NAMESPACE": "n",
        },
        {
            "TRAINMASTER_JOB": "a",
            "TRAINMASTER_PORT": "1",
            "TRAINMASTER_PORTS": "1",
            "TRAINMASTER_CLUSTER": "{}",
        },
        {"TRAINMASTER_PORT": "tcp://10.0.0.1:9090", "TRAINMASTER_SERVICE_HOST": "10.0.0.1"},
        {"TRAINMASTER_PORT_9090_TCP": "tcp://1:9090", "TRAINMASTER_WEBHOOK_SERVICE_PORT_HTTPS": "443"},
    ],
)
def test_what_is_a_setting_or_somebody_elses_is_not_said(environment: dict[str, str]) -> None:
    assert list(misspelled(environment)) == []


def test_a_misspelled_setting_is_said_before_the_answer(
    trainmaster: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINMASTER_NAMESPAEC", "x")
    assert trainmaster("get").err.startswith("warning: TRAINMASTER_NAMESPAEC is no setting: did you mean ")


def test_a_misspelled_key_of_the_settings_file_is_said(
    trainmaster: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text("port: 5")
    monkeypatch.setenv("TRAINMASTER_CONFIG", str(tmp_path / "settings.yaml"))
    ran = trainmaster("get")
    assert (ran.code, ran.error) == (
        ExitCode.SETTINGS,
        "error: settings: port: is no setting: it is called web_port",
    )


def test_the_version_is_an_option_too(trainmaster: Run) -> None:
    assert trainmaster("--version").out == trainmaster("version").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spec:\n\troles: {}\n", ":2: a tab indents this line: YAML wants spaces"),
        ("spec:\n  roles:\n    worker:\n\t  command: x\n", ":4: a tab indents this line: YAML wants spaces"),
        (
            "spec:\n  roles:\n    w:\n      command: |\n\tx\n",
            ":5: a tab indents this line: YAML wants spaces",
        ),
        (
            "spec: {roles: {worker: {command: " + "x" * 65_537 + "}}}\n",
            ":1: spec.roles.worker.command: has 65537 characters, and may have 65536: bring the script in by `files`,"
            " and call it here",
        ),
    ],
)
def test_a_mistake_is_told_in_words_of_who_made_it(
    trainmaster: Run, good: Path, text: str, said: str
) -> None:
    good.write_text(text)
    assert trainmaster("validate", str(good)).out == f"{good}{said}\n"
