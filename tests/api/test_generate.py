"""Generated files: the committed ones are those that the models make."""

from pathlib import Path

import pytest

from trainmaster.cli.generate import FILES, main

ROOT = Path(__file__).parents[2]


def test_the_committed_files_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(ROOT), "--check"]) == 0, "run `make crds`"
    assert capsys.readouterr().out == ""


def test_files_are_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"wrote {name}" for name in FILES]
    assert main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_differs_is_shown_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--root", str(tmp_path)])
    capsys.readouterr()
    crd = tmp_path / "crds/trainingjobs.yaml"
    crd.write_text(crd.read_text().replace("- tj", "- tjob"))
    assert main(["--root", str(tmp_path), "--check"]) == 1
    shown = capsys.readouterr().out
    assert "-    - tjob" in shown
    assert "+    - tj" in shown
    assert "- tjob" in crd.read_text()
