"""The copy of the repository in which mutants are tried, so that nobody's working tree ever holds one."""

from __future__ import annotations

import fcntl
import hashlib
import py_compile
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cache" / "mutants"
"""everything of a run lives here; `make clean` removes it"""
COPY = KEPT / "tree"
ASKED = ("api", "cli", "frameworks", "master", "observe", "plan", "sources", "web", "yarn")
"""the folders of tests that are asked about a mutant; real daemons are too slow for that"""
TOO_DEAR = {"plan/test_laws.py", "master/test_world.py"}
"""not asked either: thousands of drawn lives, longer than a mutant is worth. They may notice one that lived."""
SOURCES = COPY / "controller" / "trainmaster"


def alone() -> IO[str]:
    """Held by a run as long as it lasts: two would take each other's mutants for the sources."""
    KEPT.mkdir(parents=True, exist_ok=True)
    lock = (KEPT / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run holds {KEPT}") from None
    return lock


def refreshed() -> None:
    """The copy is the working tree as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    names = {name for name in listed.split("\0") if (ROOT / name).is_file()}
    for name in names:
        _copied(name)
    for path in list(COPY.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and str(path.relative_to(COPY)) not in names:
            path.unlink()


def _copied(name: str) -> None:
    source, target = ROOT / name, COPY / name
    content = source.read_bytes()
    if target.exists() and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(source.stat().st_mode)
    if target.is_relative_to(SOURCES) and target.suffix == ".py":
        # By content and not by time: a mutant of the same size, written within the same second, must not be taken for its file.
        py_compile.compile(str(target), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def digest(paths: Iterable[Path]) -> str:
    """One word for the contents of all these files."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.relative_to(COPY)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def test_files() -> list[Path]:
    """The pure tests of the rooms that are mutated, and of those that rest on them."""
    tests = COPY / "tests"
    found = (path for room in ASKED for path in (tests / room).rglob("test_*.py"))
    return sorted(path for path in found if str(path.relative_to(tests)) not in TOO_DEAR)


def helping_files() -> list[Path]:
    """All that a test rests on besides itself: sources, and what tests share."""
    shared = [path for path in (COPY / "tests").rglob("*.py") if not path.name.startswith("test_")]
    return [*SOURCES.rglob("*.py"), *(path for path in shared if "mutants" not in path.parts[-2:])]
