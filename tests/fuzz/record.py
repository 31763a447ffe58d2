"""Writes recorded/hadoop.json: what real daemons answered, for mutations to begin with (`python -m fuzz.record`).

One application is opened, runs two processes and ends, one of them badly; meanwhile each kind of question is asked once or twice.
The tokens in it are those of a cluster that is gone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from real.cluster import SHORT, running
from trainmaster.errors import TrainmasterError
from trainmaster.hadoop import connection, frames
from trainmaster.hadoop.configuration import HadoopConf, read
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.logs import ContainerLogs
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.rest import Rest
from trainmaster.hadoop.values import FinalStatus
from yarn.app import App, script

RECORDED = Path(__file__).parent / "recorded" / "hadoop.json"
_EACH = 4
"""answers of one kind: the longest, which say most"""
_LARGEST = 40_000


class Tap:
    """Keeps what is read of answers."""

    def __init__(self) -> None:
        self.rpc: dict[str, list[str]] = defaultdict(list)
        self.headers: list[str] = []
        self.web: dict[str, list[str]] = defaultdict(list)

    def message(self, kind: type[Any], rest: bytes) -> Any:
        self._keep(self.rpc[kind.__name__], rest)
        return _read(kind, rest)

    def header(self, payload: bytes) -> Any:
        header, rest = _open(payload)
        if header.status or not rest:
            self._keep(self.headers, payload)
        return header, rest

    def page(self, inner: Callable[..., bytes]) -> Callable[..., bytes]:
        def got(http: Http, url: str, *args: Any) -> bytes:
            content = inner(http, url, *args)
            self._keep(self.web["/".join(url.split("/")[3:7])], content)
            return content

        return got

    def _keep(self, kept: list[str], data: bytes) -> None:
        encoded = base64.b64encode(data).decode()
        if encoded not in kept and len(data) < _LARGEST:
            kept.append(encoded)
            kept.sort(key=len, reverse=True)
            del kept[_EACH:]


_read, _open = frames.read, frames.open_answer


async def live(conf: HadoopConf) -> None:
    """The application's life."""
    rm, http = ResourceManager(conf, "tester"), Http("tester")
    app = await App.opened(conf, rm, "recorded")
    await app.register()
    long, bad = await app.gather(2)
    await app.start(long, script("echo begun; sleep 60"))
    await app.start(bad, script("echo to the log; echo 'ValueError: no such file' >&2; exit 3"))
    await app.end_of(bad)
    await app.status(long)
    await asked(app, rm, http, conf, long.http, bad.id)
    await app.nms.stop(long.node, app.nm_tokens[long.node], [long.id, bad.id])
    await app.master.finish(FinalStatus.SUCCEEDED, "done")
    await rm.report(app.id)
    for close in (app.master.close, app.nms.close, rm.close, http.close):
        await close()


async def asked(app: App, rm: ResourceManager, http: Http, conf: HadoopConf, node: str, ended: str) -> None:
    """Each kind of question."""
    rest, logs = Rest(conf, http), ContainerLogs(conf, http)
    unknown = "container_1_0001_01_000001"
    for question in (
        rm.cluster_nodes(),
        rm.cluster_metrics(),
        rm.queue_info("default"),
        rm.queue_info("nowhere"),
        rm.report("application_1_0001"),
        rest.queues(),
        rest.application(app.id),
        rest.application("application_1_0001"),
        rest.metrics(),
        logs.files(node, ended),
        logs.tail(node, ended, "stderr", 1000),
        http.json(f"http://{node}/ws/v1/node/containers/{ended}"),
        http.json(f"http://{node}/jmx", qry="Hadoop:service=NodeManager,name=ContainerResource_*"),
        app.nms.statuses(app.granted[0].node, app.nm_tokens[app.granted[0].node], [unknown]),
        app.nms.stop(app.granted[0].node, app.nm_tokens[app.granted[0].node], [unknown]),
        app.nms.start(
            app.granted[0].node, app.nm_tokens[app.granted[0].node], held_twice(app), script("true")
        ),
    ):
        with suppress(TrainmasterError, requests.RequestException):
            await question


def held_twice(app: App) -> bytes:
    """The token of a container that was started before: a refusal of one among several."""
    return app.granted[0].container_token


def main() -> int:
    tap = Tap()
    frames.read = tap.message  # type: ignore[assignment]
    frames.open_answer = tap.header
    connection.frames = frames
    Http._get = tap.page(Http._get)  # type: ignore[method-assign, assignment]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "cluster", SHORT) as hadoop:
        os.environ.update(hadoop.environment)
        asyncio.run(live(read(hadoop.conf_dir)))
    RECORDED.parent.mkdir(exist_ok=True)
    found = {"rpc": dict(tap.rpc), "headers": tap.headers, "web": dict(tap.web)}
    RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
