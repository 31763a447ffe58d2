"""The Dockerfile's own build steps, run in a virtual environment: what comes out is whole, and writes nothing where it is.

No container engine runs here. So the base image, the last stage's user and its file system stay untried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from real.shipping.chart import ROOT
from shipping.dockerfile import stages

PACKAGE = ROOT / "controller/trainmaster"
NOT_COPIED = shutil.ignore_patterns("__pycache__")


class Image:
    """What the first stage makes, and a folder to run it in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.installed, self.wheels = folder / "opt", folder / "wheels"
        self._source = folder / "src"

    def build(self) -> None:
        """COPY and RUN as they stand, with other folders than the image's."""
        builder = self._folder / "builder"
        subprocess.run([sys.executable, "-m", "venv", str(builder)], check=True)
        path = {"PATH": f"{builder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        self._source.mkdir()
        for word, text in stages()[0]:
            if word == "COPY":
                self._copy(text.split()[:-1])
            elif word == "RUN":
                script = text.replace("/opt/trainmaster", str(self.installed)).replace(
                    "/wheels", str(self.wheels)
                )
                subprocess.run(["sh", "-ec", script], cwd=self._source, env=os.environ | path, check=True)

    def _copy(self, names: list[str]) -> None:
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self._source / name, ignore=NOT_COPIED)
            else:
                shutil.copy(ROOT / name, self._source / name)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The program in an empty folder, with the environment of the last stage and nothing else."""
        place = self._folder / "run"
        place.mkdir(exist_ok=True)
        environ = {"PATH": str(self.installed / "bin"), "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(self.installed / "bin/trainmaster"), *arguments]
        done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)
        assert list(place.iterdir()) == []
        return done

    def files(self) -> Mapping[str, tuple[int, int]]:
        """Size and time of everything that is installed."""
        found = (path for path in self.installed.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.build()
    return made


def test_the_wheel_holds_every_file_of_the_package(image: Image) -> None:
    [wheel] = image.wheels.iterdir()
    with zipfile.ZipFile(wheel) as zipped:
        packed = {name for name in zipped.namelist() if name.startswith("trainmaster/")}
    ours = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {path.relative_to(PACKAGE.parent).as_posix() for path in ours}


@pytest.mark.parametrize(
    "arguments",
    [
        ("controller", "--help"),
        ("validate", str(ROOT / "examples/generic-hello/job.yaml")),
        ("explain", "spec"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_program_works_and_writes_nothing(image: Image, arguments: tuple[str, ...]) -> None:
    before = image.files()
    done = image.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert image.files() == before


def test_nothing_can_be_installed_with_it(image: Image) -> None:
    assert not list((image.installed / "bin").glob("pip*"))
