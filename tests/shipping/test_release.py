"""A release is the same bytes whoever makes it, and its locks hold every package that it brings by hash."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
TIME = 1_764_000_000


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_loader(
        "release", SourceFileLoader("release", str(ROOT / "tools/release"))
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder: Path, age: int) -> bytes:
    """Built of a copy of the sources in a folder of its own, whose files are so many seconds old."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "controller", folder / "controller", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        os.utime(path, (TIME - age, TIME - age))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "out")]
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(TIME)},
    )
    return next((folder / "out").glob("*.whl")).read_bytes()


def test_a_wheel_is_the_same_bytes_in_any_folder_and_at_any_time(tmp_path: Path) -> None:
    assert wheel(tmp_path / "here", 0) == wheel(tmp_path / "elsewhere", 100_000)


def test_a_chart_is_packed_the_same_whatever_the_files_times_and_owners(
    tmp_path: Path, release: ModuleType
) -> None:
    folder = tmp_path / "trainmaster"
    shutil.copytree(ROOT / "charts/trainmaster", folder)
    first = release.packed(folder, TIME)
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    assert release.packed(folder, TIME) == first
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first))) as tar:
        assert tar.extractfile("trainmaster/Chart.yaml")
        assert {member.name.partition("/")[0] for member in tar} == {"trainmaster"}


def test_sums_are_checked_by_sha256sum(tmp_path: Path, release: ModuleType) -> None:
    (tmp_path / "a.whl").write_bytes(b"a")
    (tmp_path / release.SUMS).write_text(release.sums(tmp_path))
    assert release.sums(tmp_path) == f"{hashlib.sha256(b'a').hexdigest()}  a.whl\n"
    command = ["sha256sum", "--check", "--strict", release.SUMS]
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    (tmp_path / "a.whl").write_bytes(b"b")
    assert subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_each_test_that_the_threat_model_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text())
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), (
            f"{file}::{test}"
        )


def test_what_makes_a_release_is_installed_as_locked_and_built_of_nothing() -> None:
    """A source archive brings its build's needs along, which no lock names."""
    installs = re.findall(r"\$\(RELEASE\)/bin/pip install .*", (ROOT / "Makefile").read_text())
    assert installs
    for install in installs:
        assert "--require-hashes --only-binary :all: -r requirements-release.txt" in install


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_package_of_a_lock_has_one_version_and_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n?", "", (ROOT / lock).read_text()).strip())
    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]+\])?==[^\s;]+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
