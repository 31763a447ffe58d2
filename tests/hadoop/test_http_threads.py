"""Hadoop's web servers have threads of their own: one that stays silent keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading

from hadoop.serving import Answer, web
from trainmaster.hadoop.http import Http
from trainmaster.sources.threads import Threads


async def test_a_silent_web_server_holds_up_neither_a_journals_write_nor_what_is_computed_aside() -> None:
    go = threading.Event()

    def silent(_: str) -> Answer:
        go.wait(60)
        return 200, "{}"

    store, http = Threads(), Http()
    with web(silent) as address:
        asked = [asyncio.create_task(http.json(f"http://{address}/x")) for _ in range(20)]
        assert await store.call(lambda: "written") == "written"
        assert await asyncio.to_thread(lambda: "a picture") == "a picture"
        assert not any(each.done() for each in asked)
        go.set()
        assert await asyncio.gather(*asked) == [{}] * 20
    await http.close()
    store.close()
