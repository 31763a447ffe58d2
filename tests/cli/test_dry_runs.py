"""What applying files would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.in_store import YAML, declared, publish, seen
from cli.running import Ran
from trainmaster.cli.exits import ExitCode

Run = Callable[..., Ran]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_client_dry_run_asks_nobody(trainmaster: Run, file: Path) -> None:
    ran = trainmaster("apply", "--store", "hdfs://127.0.0.1:1/none", "-f", str(file), "--dry-run=client")
    assert (ran.code, ran.out, ran.err) == (0, "trainingjob/mnist valid (client dry run)\n", "")
    file.write_text(YAML.replace("replicas: 2", "replicas: many"))
    assert trainmaster("apply", "-f", str(file), "--dry-run=client").code == ExitCode.INVALID


def test_a_server_dry_run_judges_all_and_changes_nothing(
    trainmaster: Run, file: Path, tmp_path: Path
) -> None:
    dry = ("apply", "-f", str(file), "--dry-run=server")
    assert trainmaster(*dry).out == "trainingjob/mnist created (server dry run)\n"
    assert not (tmp_path / "store").exists()
    assert trainmaster("apply", "-f", str(file)).code == 0
    assert trainmaster("scale", "mnist", "-n", "vision", "--replicas", "3").code == 0
    ran = trainmaster(*dry)
    assert (ran.code, "`trainmaster scale` set it to 3" in ran.error) == (ExitCode.INVALID, True)
    assert trainmaster(*dry, "--force-conflicts").out == "trainingjob/mnist configured (server dry run)\n"
    publish(tmp_path / "store", seen("Running", queue="gpu"))
    before = everything(tmp_path / "store")
    file.write_text(YAML.replace("queue: gpu", "queue: other"))
    assert "spec.queue" in trainmaster(*dry, "--force-conflicts").error
    assert everything(tmp_path / "store") == before


def test_a_diff_shows_the_lines_that_would_change(trainmaster: Run, file: Path, tmp_path: Path) -> None:
    assert trainmaster("diff", "-f", str(file)).code == ExitCode.FAILED
    assert trainmaster("apply", "-f", str(file)).code == 0
    same = trainmaster("diff", "-f", str(file))
    assert (same.code, same.out, same.err) == (0, "", "")
    before = everything(tmp_path / "store")
    file.write_text(YAML.replace("replicas: 2", "replicas: 3"))
    ran = trainmaster("diff", "-f", str(file))
    assert (ran.code, ran.err) == (ExitCode.FAILED, "")
    changed = [line for line in ran.out.splitlines() if line[0] in "+-"]
    assert changed == [
        "--- declared/vision/mnist",
        "+++ applied/vision/mnist",
        "-    worker: {replicas: 2, command: python train.py}   # two are enough",
        "+    worker: {replicas: 3, command: python train.py}   # two are enough",
    ]
    assert everything(tmp_path / "store") == before


@pytest.mark.parametrize("words", [("apply", "--dry-run=server"), ("diff",)])
def test_files_that_were_uploaded_are_known_by_their_content(
    trainmaster: Run, file: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "train.py").write_text("print(1)")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/a.py").write_text("")
    file.write_text(YAML + "  files: [{source: train.py}, {source: lib}]\n")
    assert trainmaster("apply", "-f", str(file)).code == 0
    text, before = declared(tmp_path / "store").read_text(), everything(tmp_path / "store")
    same = trainmaster(*words, "-f", str(file))
    assert (same.code, "unchanged" in same.out or not same.out) == (0, True)
    (tmp_path / "train.py").write_text("print(2)")
    other = trainmaster(*words, "-f", str(file)).out
    assert "configured" in other or ("to-be-uploaded" in other and "train.py" in other)
    assert everything(tmp_path / "store") == before
    assert declared(tmp_path / "store").read_text() == text
