"""What a shell offers while somebody types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.in_store import YAML
from cli.running import Ran
from trainmaster.cli import completing

Run = Callable[..., Ran]
Offered = Callable[[str], list[str]]


@pytest.fixture
def offered(trainmaster: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offered:
    """What bash is offered for the last word of a line, in a store with vision/mnist, vision/other and audio/speech."""
    monkeypatch.setattr(completing, "PATIENCE", 600.0)
    for namespace, name in (("vision", "mnist"), ("vision", "other"), ("audio", "speech")):
        text = YAML.replace("name: mnist", f"name: {name}").replace(
            "namespace: vision", f"namespace: {namespace}"
        )
        (tmp_path / "job.yaml").write_text(text)
        assert trainmaster("apply", "-f", str(tmp_path / "job.yaml")).code == 0

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_TRAINMASTER_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        ran = trainmaster()
        assert ran.err == ""
        return ran.out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("trainmaster ge", ["get"]),
        ("trainmaster get -n vision ", ["mnist", "other"]),
        ("trainmaster get -n vision o", ["other"]),
        ("trainmaster -n vision describe mnist ", ["other"]),
        ("trainmaster get -n nowhere ", []),
        ("trainmaster get -n ", ["audio", "vision"]),
        ("trainmaster -n v", ["vision"]),
        ("trainmaster scale -n vision mnist --role ", ["ps", "worker"]),
        ("trainmaster logs -n vision nobody --role ", []),
        ("trainmaster get --store file:///nonexistent -n vision ", []),
        ("trainmaster get --kubeconfig /nonexistent ", []),
    ],
)
def test_what_is_there_is_offered(offered: Offered, line: str, expected: list[str]) -> None:
    assert offered(line) == expected


def test_the_namespace_of_the_environment_is_meant(offered: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINMASTER_NAMESPACE", "audio")
    assert offered("trainmaster get ") == ["speech"]


@pytest.mark.usefixtures("offered")
def test_kubectl_is_told_line_by_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["get", "--store", f"file://{tmp_path}/store", "-n", "vision", "m"]
    for name in ("_KUBECTL_TRAINMASTER_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-trainmaster", *words])
    completing.plugin()
    assert capsys.readouterr().out.split() == ["mnist", completing.NO_FILES]


def test_a_store_that_does_not_answer_is_left_alone() -> None:
    """In a process of its own, which ends, and offers nothing."""
    script = """
import time
from trainmaster.cli import completing

completing.PATIENCE = 0.1
completing.open_store = lambda choices: time.sleep(600)
completing.own_choices = lambda context: None
print(completing._offered(None, "", None))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
