"""`python -m bench.scale.standin`: the stand-in as a process of its own, until SIGTERM.

It listens on the loopback interface only. A node's address is one of 127.0.0.0/8, and one listener serves them all: it is bound
to the interface instead of to an address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bench.scale.clients import Clients
from bench.scale.cluster import Cluster
from bench.scale.masters import Masters
from bench.scale.messages import Messages
from bench.scale.nodes import Nodes
from bench.scale.rpc import Answer, Server
from bench.scale.values import Size
from bench.scale.web import Web

TICK = 0.05
"""seconds between two rounds of the scheduler: a real one waits for the heartbeats of nodes, a second apart"""
BACKLOG = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=6000)
    parser.add_argument("--memory", type=int, default=8192, help="MiB of each")
    parser.add_argument("--vcores", type=int, default=8)
    options = parser.parse_args()
    asyncio.run(serve(Cluster(options.nodes, Size(options.memory, options.vcores))))


async def serve(cluster: Cluster) -> None:
    """Its only words are the ports, as one line of JSON, once all of them listen."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with listening(cluster) as ports:
        print(json.dumps(ports), flush=True)
        await _schedule(cluster, stop)


@asynccontextmanager
async def listening(cluster: Cluster) -> AsyncIterator[dict[str, int]]:
    """All servers of a cluster; their ports by name."""
    listeners = {name: _listener() for name in ("nodes", "clients", "schedulers", "web")}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    messages = Messages(cluster, ports["nodes"])
    runner = web.AppRunner(Web(cluster).application())
    await runner.setup()
    await web.SockSite(runner, listeners["web"]).start()
    servers = [
        await _listen(listeners["clients"], Clients(cluster, messages).methods, tokens=False),
        await _listen(listeners["schedulers"], Masters(cluster, messages).methods, tokens=True),
        await _listen(listeners["nodes"], Nodes(cluster, messages).methods, tokens=True),
    ]
    try:
        yield ports
    finally:
        for server in servers:
            server.close()
        await runner.cleanup()


async def _schedule(cluster: Cluster, stop: asyncio.Event) -> None:
    while not stop.is_set():
        cluster.schedule()
        await asyncio.sleep(TICK)


async def _listen(
    listener: socket.socket, methods: dict[str, Answer], *, tokens: bool
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Server(methods, tokens=tokens), sock=listener, backlog=BACKLOG)


def _listener() -> socket.socket:
    """A free port at every address of the loopback interface, and at no other interface's."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listener.bind(("0.0.0.0", 0))
    return listener


if __name__ == "__main__":
    main()
