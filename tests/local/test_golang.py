"""Programs of a Go module are built once, whole, and pinned; with a stand-in for Go, since the real one takes minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.stand_ins import install
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import golang
from trainmaster.local.golang import Module, built, folder_of
from trainmaster.local.options import cache_folder

GO = """
    [ "$1" = env ] && { echo go1.30.1; exit; }
    echo "$@" >> "$RUNS"; sleep 0.3
    while [ "$1" != -o ]; do shift; done
    echo "$GOFLAGS" > "$2/program"
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has a Go on the PATH that writes one file; where it notes what it was told."""
    install(tmp_path / "bin", "go", GO)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(golang, "DISK", 1)
    return tmp_path / "runs"


@pytest.fixture
def module(tmp_path: Path) -> Module:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "go.mod").write_text(
        "module example.org/x\n\ngo 1.26.0\n\nrequire (\n\texample.org/y v1.2.3\n)\n"
    )
    (folder / "main.go").write_text("package main\n")
    return Module("x", folder, links={"other": "program"}, tags=("small",), variables={"main.version": "7"})


def build(module: Module) -> Path:
    [folder] = built([module], cache_folder(), lambda _: None)
    return folder


def test_a_module_tells_what_it_requires(module: Module) -> None:
    assert module.required("example.org/y") == "1.2.3"
    assert module.required("go") == "1.26.0"
    with pytest.raises(InvalidError, match=r"does not require example\.org/z"):
        module.required("example.org/z")


def test_programs_are_built_as_the_module_says(module: Module, runs: Path) -> None:
    folder = build(module)
    [told] = runs.read_text().splitlines()
    assert told.startswith("build -ldflags -s -w -X main.version=7 -tags small -o ")
    assert told.endswith("/programs/ .")
    assert (folder / "other").resolve() == folder / "program"


def test_nothing_goes_in_that_go_sum_does_not_pin(module: Module, runs: Path) -> None:
    assert "-mod=readonly" in (build(module) / "program").read_text()


def test_programs_are_built_once(module: Module, runs: Path) -> None:
    assert build(module) == build(module) == folder_of(module, cache_folder())
    assert len(runs.read_text().splitlines()) == 1


def test_of_two_that_build_at_once_the_second_waits(module: Module, runs: Path) -> None:
    script = (
        "from pathlib import Path; from trainmaster.local import golang; golang.DISK = 1\n"
        "from trainmaster.local.options import cache_folder\n"
        f"golang.built([golang.Module('x', Path({str(module.folder)!r}))], cache_folder(), print)"
    )
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    both = [subprocess.Popen([sys.executable, "-c", script], env=environ) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert len(runs.read_text().splitlines()) == 1


@pytest.mark.parametrize("file", ["main.go", "go.sum", "below/more.go"])
def test_another_source_is_another_program(module: Module, file: str) -> None:
    before = folder_of(module, Path("/cache"))
    (module.folder / file).parent.mkdir(exist_ok=True)
    (module.folder / file).write_text("package other\n")
    assert folder_of(module, Path("/cache")) != before


def test_another_version_is_another_program(module: Module) -> None:
    renamed = Module(
        "x", module.folder, links=module.links, tags=module.tags, variables={"main.version": "8"}
    )
    assert folder_of(renamed, Path("/cache")) != folder_of(module, Path("/cache"))


def test_a_failed_build_is_told_with_gos_words_and_leaves_nothing(
    module: Module, runs: Path, tmp_path: Path
) -> None:
    install(
        tmp_path / "bin",
        "go",
        '[ "$1" = env ] && echo go1.30 || { echo "main.go:1: no such thing" >&2; exit 1; }',
    )
    with pytest.raises(UnavailableError, match=r"could not build x: main\.go:1: no such thing"):
        build(module)
    assert [path.name for path in folder_of(module, cache_folder()).parent.iterdir()] == ["lock"]


def test_too_little_room_is_told_before_anything_is_built(
    module: Module, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golang, "DISK", 1 << 40)
    with pytest.raises(InvalidError, match="MiB of disk are needed"):
        build(module)
    assert not runs.exists()
