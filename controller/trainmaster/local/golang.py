"""Programs built from a Go module of ours, once per user and content of the module.

A go.sum pins every source that goes in. A Go on PATH does the building if it is new enough; else the one pinned here
comes from the Go module proxy, and goes again when the programs are there. Never here: which programs.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local.files import locked, sha256

PINNED = "1.26.8"
"""the Go that is fetched where there is none, or too old a one"""
TOOLCHAINS = {
    "x86_64": ("amd64", "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7"),
    "aarch64": ("arm64", "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99"),
}
"""by machine: Go's name for it, and the SHA-256 of that Go (Go Toolchains, "Go toolchain modules")"""
DISK = 6000
"""MiB that Go takes while it builds, its own caches included"""
_FLAGS = "-mod=readonly -trimpath -buildvcs=false -modcacherw"
_PROXY = "https://proxy.golang.org"
_TIMEOUT = 60


@dataclass(frozen=True)
class Module:
    """A Go module that makes one program, and the names by which it is called."""

    folder: Path
    names: tuple[str, ...]
    variables: Mapping[str, str]
    """strings set at link time, by their full names: what programs know of their own version"""

    @property
    def go(self) -> tuple[int, ...]:
        """The oldest Go that builds it (the line `go` of go.mod)."""
        return _numbers(self.required("go"))

    def required(self, name: str) -> str:
        """The version of a module, or of `go`, in go.mod."""
        found = re.search(
            rf"^\s*{re.escape(name)} v?([\d.]+)", (self.folder / "go.mod").read_text(), re.MULTILINE
        )
        if found is None:
            raise InvalidError(f"{self.folder}/go.mod does not require {name}")
        return found[1]

    @property
    def digest(self) -> str:
        """Changes whenever the programs would."""
        state = hashlib.sha256(repr((self.names, sorted(self.variables.items()))).encode())
        for path in sorted(self.folder.iterdir()):
            state.update(f"{path.name} {sha256(path)}\n".encode())
        return state.hexdigest()


def folder_of(module: Module, cache: Path) -> Path:
    """Where the programs of that very module are kept, on this kind of machine."""
    name = f"{module.folder.parent.name}-{platform.machine()}-{module.digest[:12]}"
    return cache / "programs" / name


def built(module: Module, cache: Path, say: Callable[[str], None]) -> Path:
    """The folder that holds the module's programs, built first if need be; safe for several at once.

    Raises UnavailableError when something can't be fetched or built, InvalidError when what was fetched isn't what
    was pinned.
    """
    folder = folder_of(module, cache)
    with locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            _build_into(folder, module, cache, say)
    return folder


def _build_into(folder: Path, module: Module, cache: Path, say: Callable[[str], None]) -> None:
    """All or nothing: the folder appears, complete, by one rename."""
    workshop = Workshop(cache / "go")
    go = workshop.go(module.go, say)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as work:
        arriving = Path(work) / "programs"
        arriving.mkdir()
        say(f"building {', '.join(module.names)} (once; some minutes)")
        _run(go, module, arriving / "program", workshop.environment)
        for name in module.names:
            (arriving / name).symlink_to("program")
        arriving.rename(folder)
    workshop.clear()


def _run(go: Path, module: Module, program: Path, environ: Mapping[str, str]) -> None:
    link = " ".join(("-s -w", *(f"-X {name}={value}" for name, value in module.variables.items())))
    command = [str(go), "build", "-ldflags", link, "-o", str(program), "."]
    done = subprocess.run(
        command, cwd=module.folder, env=dict(environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()[-5:]
        raise UnavailableError("Go could not build the programs: " + " ".join(words))


class Workshop:
    """A Go of our own with its caches, in one folder: there only while something is being built with it."""

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._environ = environ
        self.environment = dict(environ) | {
            "CGO_ENABLED": "0",
            "GOFLAGS": _FLAGS,
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }

    def go(self, oldest: tuple[int, ...], say: Callable[[str], None]) -> Path:
        """A Go that is new enough: this machine's, which has its own caches, or else ours."""
        path = shutil.which("go", path=self._environ.get("PATH"))
        if path and (version_of(Path(path)) or (0,)) >= oldest:
            return Path(path)
        self.environment |= {
            "GOCACHE": str(self._folder / "cache"),
            "GOMODCACHE": str(self._folder / "modules"),
            "GOENV": "off",
        }
        return self._fetched(say)

    def clear(self) -> None:
        """Give back gigabytes; without effect where this machine's Go was used."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fetched(self, say: Callable[[str], None]) -> Path:
        name, checksum = toolchain(platform.machine())
        home = self._folder / name
        with locked(self._folder.with_suffix(".lock")):
            if not home.is_dir():
                say(f"fetching Go {PINNED} (70 MB, once)")
                self._fetch_into(home, name, checksum)
        return home / "bin/go"

    def _fetch_into(self, home: Path, name: str, checksum: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".fetch-") as work:
            archive = Path(work) / "go.zip"
            _download(f"golang.org/toolchain/@v/{name}.zip", archive, self._environ.get("GOPROXY", ""))
            if (found := sha256(archive)) != checksum:
                raise InvalidError(f"Go {PINNED}: the checksum is {found} where {checksum} is pinned")
            unpack(archive, f"golang.org/toolchain@{name}/", Path(work) / "go")
            (Path(work) / "go").rename(home)


def toolchain(machine: str) -> tuple[str, str]:
    """The version of the module golang.org/toolchain for that kind of machine, and its checksum."""
    if machine not in TOOLCHAINS:
        raise InvalidError(f"install Go {PINNED} or newer: none is pinned for {machine}")
    name, checksum = TOOLCHAINS[machine]
    return f"v0.0.1-go{PINNED}.linux-{name}", checksum


def proxies(setting: str) -> list[str]:
    """The module proxies of a GOPROXY, in order; the public one when it names none (Go Modules Reference)."""
    named = [entry.strip().rstrip("/") for entry in re.split(r"[,|]", setting)]
    return [entry for entry in named if entry.startswith(("https://", "http://"))] or [_PROXY]


def _download(path: str, target: Path, setting: str) -> None:
    for proxy in proxies(setting):
        try:
            with requests.get(f"{proxy}/{path}", stream=True, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                with target.open("wb") as file:
                    file.writelines(answer.iter_content(1 << 20))
                return
        except requests.RequestException as error:
            failed = type(error).__name__
    raise UnavailableError(f"Go {PINNED} could not be fetched from the module proxy: {failed}")


def unpack(archive: Path, prefix: str, target: Path) -> None:
    """A module's zip without the prefix of its names; programs become executable, which a module's zip can't say."""
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            path = target / name.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(name) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
            if path.parent.name == "bin" or "/pkg/tool/" in name:
                path.chmod(0o755)


def version_of(go: Path) -> tuple[int, ...] | None:
    """The version of a Go, None if it doesn't tell."""
    environ = dict(os.environ) | {"GOTOOLCHAIN": "local"}
    try:
        done = subprocess.run(
            [str(go), "env", "GOVERSION"], env=environ, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = re.match(r"go(\d+(?:\.\d+)*)", done.stdout)
    return _numbers(found[1]) if found else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
