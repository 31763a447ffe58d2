"""The door as a process: orders from the controller on stdin, what was heard to it on stdout, a line of JSON each.

It ends with its controller, whose end closes stdin. Times are of the machine's monotonic clock, which both processes read alike.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

from aiohttp import web

from trainmaster.json_text import loads
from trainmaster.reports.book import Book, Job
from trainmaster.reports.server import Door

TICK = 1.0
BLIND = 3.0
"""seconds without a turn of this loop after which that time counts as one in which nobody could be heard"""
TRIES = 50
"""tenths of a second for which a port that an ended controller's door still holds is waited for"""
LONGEST = 64 << 20
"""bytes of one order"""


async def main(listen: str, port: int) -> int:
    """Until stdin ends."""
    book = Book()
    door = Door(book, time.monotonic)
    runner = web.AppRunner(door.application(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        bound = await _bound(runner, listen, port)
        _say({"port": bound})
        async with asyncio.TaskGroup() as tasks:
            ticks = tasks.create_task(_tick(book))
            await _obey(book, door)
            ticks.cancel()
    except OSError as error:
        _say({"error": f"the reports door can't listen on {listen}:{port}: {error.strerror}"})
        return 1
    finally:
        await runner.cleanup()
    return 0


async def _bound(runner: web.AppRunner, listen: str, port: int) -> int:
    for left in reversed(range(TRIES)):
        site = web.TCPSite(runner, listen, port, backlog=4096)
        try:
            await site.start()
        except OSError:
            if not left or not port:
                raise
            await asyncio.sleep(0.1)
        else:
            break
    return int(runner.addresses[0][1])


async def _tick(book: Book) -> None:
    last = time.monotonic()
    while True:
        await asyncio.sleep(TICK)
        now = time.monotonic()
        if now - last > TICK + BLIND:
            book.blind(now - last)
        last = now
        for line in book.news(now):
            _say(line)
            await asyncio.sleep(0)


async def _obey(book: Book, door: Door) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LONGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = loads(line)
        if "jobs" in order:
            book.live({uid: Job(token, roles) for uid, (token, roles) in order["jobs"].items()})
        if "leader" in order:
            door.leader = order["leader"]


def _say(words: object) -> None:
    """Where it isn't read all waits; the controller is the one who decides. Where it is gone, so is the door."""
    text = words if isinstance(words, str) else json.dumps(words)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's, which closes stdin in its time
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))
