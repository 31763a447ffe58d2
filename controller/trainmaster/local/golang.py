"""Programs built from Go modules of ours, once per user and content of the module.

A go.sum pins every source that goes in. Never here: which programs, or where Go comes from (`toolchain`).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import machine
from trainmaster.local.files import locked, sha256
from trainmaster.local.toolchain import Toolchain, numbers

DISK = 6500
"""MiB that sources and compiled packages take while something is built"""
_FLAGS = "-mod=readonly -trimpath -buildvcs=false -modcacherw"


@dataclass(frozen=True)
class Module:
    """A Go module, and what is built from it."""

    name: str
    folder: Path
    packages: tuple[str, ...] = (".",)
    """each a program, as `go build` takes them"""
    links: Mapping[str, str] = field(default_factory=dict)
    """further names of programs, for those that look at how they are called"""
    tags: tuple[str, ...] = ()
    """build constraints that hold"""
    variables: Mapping[str, str] = field(default_factory=dict)
    """strings set at link time, by their full names: what programs know of their own version"""

    def required(self, name: str) -> str:
        """The version of a module in go.mod, or of `go`; without its v."""
        text = (self.folder / "go.mod").read_text()
        found = re.search(rf"^\s*{re.escape(name)} v?([\d.]+)", text, re.MULTILINE)
        if found is None:
            raise InvalidError(f"{self.folder}/go.mod does not require {name}")
        return found[1]

    @property
    def digest(self) -> str:
        """Changes whenever the programs might."""
        built = (self.packages, sorted(self.links.items()), self.tags, sorted(self.variables.items()))
        state = hashlib.sha256(repr(built).encode())
        for path in sorted(filter(Path.is_file, self.folder.rglob("*"))):
            state.update(f"{path.relative_to(self.folder)} {sha256(path)}\n".encode())
        return state.hexdigest()


def folder_of(module: Module, cache: Path) -> Path:
    """Where the programs of that very module are kept, on this kind of machine."""
    return cache / "programs" / f"{module.name}-{platform.machine()}-{module.digest[:12]}"


def built(modules: Sequence[Module], cache: Path, say: Callable[[str], None]) -> list[Path]:
    """For each module the folder of its programs, built first if need be; safe for several at once.

    Raises UnavailableError when something can't be fetched or built, InvalidError when what was fetched isn't what
    was pinned, or there is too little room.
    """
    folders = [folder_of(module, cache) for module in modules]
    if not all(folder.is_dir() for folder in folders):
        with locked(cache / "programs/lock"):
            missing = [module for module in modules if not folder_of(module, cache).is_dir()]
            _build(missing, cache, say)
    return folders


def _build(modules: Sequence[Module], cache: Path, say: Callable[[str], None]) -> None:
    """Go and its caches are there only meanwhile, if they are ours; after a failure they stay for the next time."""
    workshop = cache / "go"
    for module in modules:
        machine.require_disk(cache, DISK)
        go = Toolchain.find(numbers(module.required("go")), workshop, os.environ, say)
        say(f"building {module.name} (once; this takes minutes)")
        _build_into(folder_of(module, cache), module, go)
    shutil.rmtree(workshop, ignore_errors=True)


def _build_into(folder: Path, module: Module, go: Toolchain) -> None:
    """All or nothing: the folder appears, complete, by one rename."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as work:
        arriving = Path(work) / "programs"
        arriving.mkdir()
        _run_go(go, module, arriving)
        for name, program in module.links.items():
            (arriving / name).symlink_to(program)
        arriving.rename(folder)


def _run_go(go: Toolchain, module: Module, target: Path) -> None:
    settings = " ".join(("-s -w", *(f"-X {name}={value}" for name, value in module.variables.items())))
    options = ["-ldflags", settings, "-tags", ",".join(module.tags), "-o", f"{target}/"]
    command = [str(go.go), "build", *options, *module.packages]
    environ = go.environment | {"GOFLAGS": _FLAGS}
    done = subprocess.run(
        command, cwd=module.folder, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()[-5:]
        raise UnavailableError(f"Go could not build {module.name}: {' '.join(words)}")
