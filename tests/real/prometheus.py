"""A real Prometheus that watches controllers: Debian's, of the machine or unpacked beside it, since installed it would start one
at the controller's own port.

Never here: what is asked of it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import requests
import yaml

from real.cluster import until
from trainmaster.local.files import locked
from trainmaster.local.options import cache_folder

INTERVAL = "1s"
"""between two scrapes"""
JOB = "trainmaster"
"""the label `job` of all that is scraped"""
_FOLDER = cache_folder() / "prometheus"


def program() -> Path:
    """Where it is, fetched first if need be; skips the test where it can't be had."""
    found = shutil.which("prometheus")
    if found:
        return Path(found)
    with locked(_FOLDER.with_suffix(".lock")):
        if not _FOLDER.is_dir():
            _fetch()
    return _FOLDER / "usr/bin/prometheus"


def _fetch() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip("there is no Prometheus on this machine, and no apt-get to fetch it with")
    with tempfile.TemporaryDirectory(dir=_FOLDER.parent, prefix=".prometheus-") as work:
        fetched = subprocess.run(
            ["apt-get", "-qq", "download", "prometheus"],
            cwd=work,
            check=False,
            capture_output=True,
            text=True,
        )
        if fetched.returncode:
            pytest.skip(f"there is no Prometheus on this machine, and none can be fetched: {fetched.stderr}")
        [package] = Path(work).glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), f"{work}/unpacked"], check=True)
        (Path(work) / "unpacked").rename(_FOLDER)


class Prometheus:
    """One that scrapes these addresses (host:port) every second, and what is listed at the URL `discovery`. Used as a context
    it surely ends."""

    def __init__(self, folder: Path, *targets: str, discovery: str = "") -> None:
        self._folder, self.url = folder, f"http://127.0.0.1:{_free_port()}"
        scrapes: list[dict[str, Any]] = [{"job_name": JOB, "static_configs": [{"targets": list(targets)}]}]
        if discovery:
            listed = {"url": discovery, "refresh_interval": INTERVAL}
            scrapes.append({"job_name": "trainings", "http_sd_configs": [listed]})
        every = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
        (folder / "prometheus.yml").write_text(yaml.safe_dump({"global": every, "scrape_configs": scrapes}))

    def __enter__(self) -> Prometheus:
        address = self.url.removeprefix("http://")
        command = [
            str(program()),
            f"--config.file={self._folder}/prometheus.yml",
            f"--storage.tsdb.path={self._folder}/tsdb",
            f"--web.listen-address={address}",
        ]
        with (self._folder / "prometheus.log").open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=self._folder, env=os.environ
            )
        until(self._ready, 60)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What an instant query finds now: `metric` with its labels, and `value`. AssertionError with its complaint."""
        answer = self._get("query", query=expr)
        assert answer["status"] == "success", f"{expr}: {answer.get('error')}"
        return list(answer["data"]["result"])

    def values(self, metric: str, label: str) -> list[str]:
        """Those of one label of a metric, as a variable of Grafana asks for them."""
        return list(self._get(f"label/{label}/values", **{"match[]": metric})["data"])

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/api/v1/{path}", params=params, timeout=30).json())

    def _ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
