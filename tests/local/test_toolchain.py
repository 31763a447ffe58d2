"""Which Go is used: this machine's, if it is new enough, else the pinned one and no other."""

from __future__ import annotations

import hashlib
import platform
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.stand_ins import install
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.local import toolchain
from trainmaster.local.toolchain import PINNED, Toolchain, numbers, pinned, proxies, version_of

MACHINE = platform.machine()
OLDEST = (1, 26, 0)


def find(folder: Path, path: Path, proxy: str = "off") -> Toolchain:
    return Toolchain.find(OLDEST, folder, {"PATH": f"{path}:/usr/bin:/bin", "GOPROXY": proxy}, lambda _: None)


def install_go(folder: Path, version: str) -> Path:
    install(folder, "go", f"echo go{version}")
    return folder / "go"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module proxy whose only module is a Go for this machine, pinned; its URL."""
    version = pinned(MACHINE)[0]
    archive = tmp_path / "proxy/golang.org/toolchain/@v" / f"{version}.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(f"golang.org/toolchain@{version}/bin/go", f"#!/bin/sh\necho go{PINNED}\n")
        zipped.writestr(f"golang.org/toolchain@{version}/VERSION", PINNED)
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(toolchain.CHECKSUMS, MACHINE, (toolchain.CHECKSUMS[MACHINE][0], checksum))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "proxy")))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("version", ["1.26.0", "1.26.9", "1.27", "2.0.1"])
def test_a_go_on_the_path_that_is_new_enough_is_used(tmp_path: Path, version: str) -> None:
    go = install_go(tmp_path / "bin", version)
    found = find(tmp_path / "work", tmp_path / "bin")
    assert found.go == go
    assert "GOMODCACHE" not in found.environment
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("version", ["1.19.8", "1.25.9", "nonsense"])
def test_an_older_one_is_not(tmp_path: Path, version: str, proxy: str) -> None:
    install_go(tmp_path / "bin", version)
    found = find(tmp_path / "work", tmp_path / "bin", proxy)
    assert found.go == tmp_path / "work" / pinned(MACHINE)[0] / "bin/go"
    assert version_of(found.go) == numbers(PINNED)


def test_a_fetched_go_keeps_its_caches_beside_it(tmp_path: Path, proxy: str) -> None:
    environment = find(tmp_path / "work", tmp_path, proxy).environment
    assert {environment[name] for name in ("GOCACHE", "GOMODCACHE")} == {
        str(tmp_path / "work/cache"),
        str(tmp_path / "work/modules"),
    }


def test_it_is_fetched_once(tmp_path: Path, proxy: str) -> None:
    find(tmp_path / "work", tmp_path, proxy)
    assert find(tmp_path / "work", tmp_path, "http://127.0.0.1:1").go.exists()


def test_a_proxy_that_fails_is_followed_by_the_next(tmp_path: Path, proxy: str) -> None:
    assert find(tmp_path / "work", tmp_path, f"http://127.0.0.1:1,{proxy}/none|{proxy},direct").go.exists()


def test_another_content_is_refused_and_not_kept(
    tmp_path: Path, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "pinned", lambda machine: (pinned(machine)[0], "0" * 64))
    with pytest.raises(InvalidError, match=f"has the checksum [0-9a-f]{{64}}, pinned is {'0' * 64}"):
        find(tmp_path / "work", tmp_path, proxy)
    assert list((tmp_path / "work").iterdir()) == []


def test_a_password_in_the_proxys_url_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="could not be fetched") as told:
        find(tmp_path / "work", tmp_path, "http://me:hidden@127.0.0.1:1")
    assert "hidden" not in str(told.value)


def test_nothing_is_fetched_where_that_is_off(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="GOPROXY is off"):
        find(tmp_path / "work", tmp_path, "off")


def test_a_machine_for_which_none_is_pinned_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match=r"install Go .* none is pinned for riscv64"):
        pinned("riscv64")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", ["https://proxy.golang.org"]),
        ("direct", ["https://proxy.golang.org"]),
        ("off", []),
        ("https://a.example/,direct", ["https://a.example"]),
        ("https://a.example|https://b.example/go, direct", ["https://a.example", "https://b.example/go"]),
    ],
)
def test_proxies_are_read_as_go_reads_them(setting: str, expected: list[str]) -> None:
    assert proxies(setting) == expected
