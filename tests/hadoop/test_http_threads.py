"""One of Hadoop's web servers that stays silent keeps nobody else waiting, and one that talks without end fills no memory."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hadoop.serving import Answer, web
from trainmaster.errors import UnavailableError
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


async def test_an_answer_without_end_is_cut_off_and_told() -> None:
    http = Http()
    with web(lambda _: (200, "x" * 3_000_000)) as address:
        with pytest.raises(UnavailableError, match="answers with more than 1000000 bytes"):
            await http.text(f"http://{address}/x", 1_000_000)
        assert len(await http.text(f"http://{address}/x")) == 3_000_000
    await http.close()
