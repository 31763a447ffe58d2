"""The Go that builds programs: this machine's if it is new enough, else a pinned one from the Go module proxy.

Never here: what is built.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local.files import sha256

PINNED = "1.26.8"
"""the Go that is fetched where there is none, or too old a one"""
CHECKSUMS = {
    "x86_64": ("amd64", "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7"),
    "aarch64": ("arm64", "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99"),
}
"""by machine: Go's name for it, and the SHA-256 of that Go (Go Toolchains, "Go toolchain modules")"""
_PROXY = "https://proxy.golang.org"
_MODULE = "golang.org/toolchain"
_TIMEOUT = 60.0


class Toolchain:
    """A Go, and the environment to run it in."""

    def __init__(self, go: Path, environment: Mapping[str, str]) -> None:
        self.go = go
        self.environment = dict(environment) | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}

    @classmethod
    def find(
        cls, oldest: tuple[int, ...], folder: Path, environ: Mapping[str, str], say: Callable[[str], None]
    ) -> Toolchain:
        """This machine's Go, with its own caches, if it has that version; else one of ours, all of it in `folder`.

        UnavailableError when it can't be fetched, InvalidError when it isn't the pinned one.
        """
        path = shutil.which("go", path=environ.get("PATH"))
        if path and version_of(Path(path)) >= oldest:
            return cls(Path(path), environ)
        caches = {"GOCACHE": str(folder / "cache"), "GOMODCACHE": str(folder / "modules"), "GOENV": "off"}
        return cls(_fetched(folder, environ, say), dict(environ) | caches)


def version_of(go: Path) -> tuple[int, ...]:
    """The version of a Go; empty, and so older than all others, if it doesn't tell."""
    environ = os.environ | {"GOTOOLCHAIN": "local"}
    command = [str(go), "env", "GOVERSION"]
    try:
        said = subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    found = re.match(r"go(\d+(?:\.\d+)*)", said)
    return numbers(found[1]) if found else ()


def numbers(version: str) -> tuple[int, ...]:
    """(1, 26, 0) for 1.26.0, so that versions compare."""
    return tuple(int(part) for part in version.split("."))


def pinned(machine: str) -> tuple[str, str]:
    """The pinned Go for that kind of machine: its version as a module, and its checksum."""
    if machine not in CHECKSUMS:
        raise InvalidError(f"install Go {PINNED} or newer: none is pinned for {machine}")
    name, checksum = CHECKSUMS[machine]
    return f"v0.0.1-go{PINNED}.linux-{name}", checksum


def proxies(setting: str) -> list[str]:
    """The module proxies of a GOPROXY, in order; the public one where it names none, but for `off` (Go Modules Reference)."""
    entries = [entry.strip().rstrip("/") for entry in re.split(r"[,|]", setting)]
    named = [entry for entry in entries if entry.startswith(("https://", "http://"))]
    return named or ([] if "off" in entries else [_PROXY])


def _fetched(folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Path:
    version, checksum = pinned(platform.machine())
    home = folder / version
    if not home.is_dir():
        say(f"fetching Go {PINNED} (70 MB)")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
            archive = Path(work) / "go.zip"
            _download(f"{_MODULE}/@v/{version}.zip", archive, environ.get("GOPROXY", ""))
            if (found := sha256(archive)) != checksum:
                raise InvalidError(f"Go {PINNED} has the checksum {found}, pinned is {checksum}")
            unpack(archive, f"{_MODULE}@{version}/", Path(work) / "go")
            (Path(work) / "go").rename(home)
    return home / "bin/go"


def _download(path: str, target: Path, setting: str) -> None:
    refusals = [] if proxies(setting) else ["GOPROXY is off"]
    for proxy in proxies(setting):
        try:
            with requests.get(f"{proxy}/{path}", stream=True, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                with target.open("wb") as file:
                    file.writelines(answer.iter_content(1 << 20))
                return
        except requests.HTTPError as error:
            refusals.append(f"HTTP {error.response.status_code}")
        except requests.RequestException as error:  # its words would show a password in the proxy's URL
            refusals.append(type(error).__name__)
    raise UnavailableError(f"Go {PINNED} could not be fetched from the module proxy: {', '.join(refusals)}")


def unpack(archive: Path, prefix: str, target: Path) -> None:
    """A module's zip without the prefix of its names; its programs become executable, which such a zip can't say."""
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            path = target / name.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(name) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
            if "/bin/" in name or "/pkg/tool/" in name:
                path.chmod(0o755)
