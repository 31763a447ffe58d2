"""Logs through the controller: which can be asked for, what is shown of them, and what a bad node costs."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.pictures import NOW, fleet, picture, remembers
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.logs import LogTail
from trainmaster.master.picture import Picture
from trainmaster.plan.ends import Cause, LastExit, Life
from trainmaster.plan.memory import KeptLog, Key, PastRun, ReplicaMemory, Verdict
from trainmaster.web import log_text, logs, times
from trainmaster.web.logs import AT_ONCE, Log, Logs, Place, place_of, places
from trainmaster.web.pages import log_page
from web.serving import serving

PLACE = Place("c1", "a:8042", "worker-0, run 1")
EVIL = b"<script>alert(1)</script>\x1b[31m\n"


class Node:
    """In place of a NodeManager."""

    def __init__(self, content: bytes = b"", length: int = 0, error: Exception | None = None) -> None:
        self.tail_ = LogTail(content, length or len(content))
        self.error, self.asked = error, list[tuple[str, str, str, int]]()

    async def tail(self, http: str, container: str, file: str, size: int) -> LogTail | None:
        self.asked.append((http, container, file, size))
        if self.error:
            raise self.error
        return self.tail_


def told() -> Picture:
    """Of a job that has been through much."""
    last = LastExit("c2", "b", "b:8042", 1, Cause.RETRYABLE, "exit code 1", NOW, 2)
    replicas = (
        ReplicaMemory(Key("worker", 0), 3, "c3", "a:1", "a:8042", last_exit=last, previous="c2", previous_http="b:8042"),
    )  # fmt: skip
    past = PastRun(0, Verdict(False, "Failed", "no", NOW), logs=(KeptLog(Key("ps", 0), "c0", "d:8042", 1),))
    life = Life("worker", 0, 1, 1, "c1", "c", "c:8042", NOW - 9, NOW)
    return remembers(picture(), replicas=replicas, lives=(life,), past_runs=(past,))


# --- which there are


def test_the_containers_of_a_job_are_found_where_they_ran() -> None:
    found = {place.container: (place.http, place.said) for place in reversed(list(places(told())))}
    assert found == {
        "c3": ("a:8042", "worker-0, run 3"),
        "c2": ("b:8042", "worker-0, run 2"),
        "c1": ("c:8042", "worker-0, run 1"),
        "c0": ("d:8042", "ps-0 of run 0 of the job"),
    }


@pytest.mark.parametrize("container", ["c9", "", "../c3", "c3/../c2"])
def test_no_other_container_can_be_asked_for(container: str) -> None:
    assert place_of(told(), container) is None


# --- what is shown


def shown(content: bytes, whole: bool = True, find: str = "") -> list[str]:
    return ["|".join(line.pieces) for line in log_text.lines(content, whole, find).lines]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\n\nthree", ["one", "", "three"]),
        (b" 1%\r 50%\r100%\ndone\n", ["100%", "done"]),
        (b"windows\r\n", ["windows"]),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\n", ["red x"]),
        (b"bell\x07 tab\tnul\x00\n", ["bell  tab\tnul "]),
        ("right\u202eleft\n".encode(), ["right left"]),
        (b"\xff\xfe caf\xc3\xa9\n", ["\ufffd\ufffd caf\xe9"]),
    ],
)
def test_lines_are_what_a_person_would_have_seen(content: bytes, expected: list[str]) -> None:
    assert shown(content) == expected


def test_the_part_of_a_line_at_the_beginning_of_a_piece_is_left_out() -> None:
    assert shown(b"alf of it\nwhole\n", whole=False) == ["whole"]


def test_only_lines_with_what_is_searched_for_are_shown_and_it_is_marked() -> None:
    assert shown(b"Error: a.c\nfine\nabc error\n", find="eRRor") == ["|Error|: a.c", "abc |error|"]
    assert shown(b"a.c\nabc\n", find="a.c") == ["|a.c|"], "letters, and no pattern"


def test_long_lines_and_many_lines_are_bounded() -> None:
    (line,) = shown(b"x" * 10**6)
    assert len(line) < log_text.LONGEST + 5
    assert len(shown(b"\n" * (log_text.MOST + 5))) == log_text.MOST


def test_which_lines_these_are_is_said_where_there_are_more() -> None:
    many = b"a\n" * log_text.MOST
    assert (log_text.lines(many, True).cut, log_text.lines(many, True, "a").cut) == ("", "")
    assert log_text.lines(b"b\n" + many, True).cut == "of the last 20,000 lines"
    assert log_text.lines(b"a\n" + many, True, "a").cut == "the last 20,000 of them"
    assert log_text.lines(b"a\n" * (log_text.SEARCHED + 1), True, "b").cut == "of the last 100,000 lines"


BLOCK = 1 << 18


@pytest.mark.parametrize(
    "content", [b"e", b"e\n", b"e" * 3999 + b"\n", b"\x1b[1me", b"\re", b"\r", b"\x1b]e", b"\xff"]
)
@pytest.mark.parametrize("find", ["e", "E" * 200, "e" * 199 + "f"])
def test_a_page_of_marks_is_not_much_larger_than_the_log(content: bytes, find: str) -> None:
    shown = log_text.lines((content * (BLOCK // len(content) + 1))[:BLOCK], True, find)
    page = log_page(picture(), Log(PLACE, "stdout", 64, find, shown, 0, 9))
    assert len(page) < 3 * BLOCK + 16_000
    assert all(len(line.pieces) <= 2 * log_text.HITS + 1 for line in shown.lines)


def test_marks_end_where_there_are_enough_and_those_of_the_last_lines_stay() -> None:
    several = log_text.MARKS // log_text.HITS + 5
    shown = log_text.lines((b"e" * log_text.HITS + b"\n") * several, True, "e").lines
    assert len(shown) == several, "lines are found nevertheless"
    assert [len(line.pieces) > 1 for line in shown] == [False] * 5 + [True] * (several - 5)


@given(st.text(max_size=60), st.text(min_size=1, max_size=3))
def test_what_is_marked_is_what_was_searched_for_at_its_place(text: str, find: str) -> None:
    for line in log_text.lines(text.encode(errors="replace"), True, find).lines:
        assert all(len(piece) == len(find) for piece in line.pieces[1::2])


@given(st.binary(max_size=400), st.booleans(), st.text(max_size=5))
def test_whatever_a_process_writes_can_be_shown(content: bytes, whole: bool, find: str) -> None:
    for line in log_text.lines(content, whole, find).lines:
        text = "".join(line.pieces)
        assert "\n" not in text
        assert all(c.isprintable() or c == "\t" or ord(c) > 127 for c in text)
        assert not find or any(piece.casefold() for piece in line.pieces[1::2]) or not find.strip()


def test_a_page_escapes_what_it_shows() -> None:
    page = log_page(picture(), Log(PLACE, "stdout", 64, '"><b>', log_text.lines(EVIL, whole=True), 0, 9))
    assert "<script>alert" not in page
    assert '"><b>' not in page
    assert "&lt;script&gt;" in page


# --- what is asked, and what a bad node costs


async def read(node: Node | None, **words: str) -> Log:
    shown: list[Log] = []
    await Logs(node).page(PLACE, "stderr", words, lambda log: shown.append(log) or "")  # type: ignore[func-returns-value]
    return shown[0]


@pytest.mark.parametrize(("size", "kib"), [("", 64), ("1024", 1024), ("9999999", 64), ("-1", 64), ("x", 64)])
async def test_so_much_is_asked_for_and_no_more(size: str, kib: int) -> None:
    node = Node(b"a\nb\n", 10**9)
    log = await read(node, size=size)
    assert node.asked == [("a:8042", "c1", "stderr", kib * 1024)]
    assert (log.begins, log.length) == (10**9 - 4, 10**9)


async def test_so_much_can_be_searched_for_and_more_is_refused_before_anybody_is_asked() -> None:
    node = Node(b"a\n")
    assert (await read(node, find=" " + "x" * 200)).find == "x" * 200
    with pytest.raises(InvalidError, match=r"find: 201 letters are too many to search for: 200 at most"):
        await read(node, find="x" * 201)
    assert len(node.asked) == 1


async def test_lines_and_pages_are_made_beside_the_loop_few_at_a_time() -> None:
    threads, going, most = set[str](), 0, 0

    def make(_: Log) -> str:
        nonlocal going, most
        threads.add(threading.current_thread().name)
        going += 1
        most = max(most, going)
        time.sleep(0.001)
        going -= 1
        return "page"

    def lines(*_: object) -> log_text.Lines:
        make(Log(PLACE, "", 0, ""))
        return log_text.Lines()

    reader = Logs(Node(b"a\n"))
    with patch.object(logs, "lines", lines):
        made = await asyncio.gather(*(reader.page(PLACE, "stderr", {}, make) for _ in range(20)))
    assert set(made) == {"page"}
    assert most <= logs.THREADS
    assert all(name.startswith("logs") for name in threads)


async def test_a_log_that_is_not_there_and_a_node_that_does_not_answer_are_told() -> None:
    node = Node()
    with patch.object(node, "tail_", None):
        assert "there is no such log" in (await read(node)).trouble
    assert (await read(Node(error=UnavailableError("a:8042: Connection refused")))).trouble == (
        "a:8042: Connection refused"
    )
    assert (await read(None)).trouble == "this server reads no logs"


class Hanging(Node):
    """A node that is asked in a thread: who gives up waiting ends nothing of it."""

    at_once = most = 0
    over = asyncio.Event()

    async def tail(self, *_: Any) -> LogTail | None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.over.wait()
        finally:
            self.at_once -= 1
        raise UnavailableError("too late")


async def test_a_node_that_hangs_is_told_from_a_turn_that_did_not_come_and_holds_its_turn() -> None:
    node = Hanging()
    node.over = asyncio.Event()
    reader = Logs(node)

    async def trouble() -> str:
        return await reader.page(PLACE, "stdout", {}, lambda log: log.trouble)

    with patch.object(times, "NODE", 0.02), patch.object(times, "TURN", 0.05):
        found = await asyncio.gather(*(trouble() for _ in range(3 * AT_ONCE)))
        found.append(await trouble())
        assert node.most == AT_ONCE
        assert found.count("no answer from its node within 0.02 s") == AT_ONCE
        busy = "other logs are being read: this one waited 0.05 s for its turn, and its node was not asked"
        assert found.count(busy) == 2 * AT_ONCE + 1
        node.over.set()
        assert await trouble() == "too late", "turns are given back when the nodes have answered"


# --- over real sockets


async def test_logs_are_served_below_the_job_and_below_its_runs_and_nowhere_else() -> None:
    node = Node(b"Traceback\n" + EVIL)
    hidden = replace(told(), declared=replace(told().declared, name="other", uid="u2"), memory=None)
    async with serving(fleet(told(), hidden), logs=node) as client:
        for path in ("/jobs/vision/mnist/logs/c3/stderr", "/jobs/vision/mnist/runs/0/logs/c0/stderr"):
            async with client.get(path, params={"find": "traceback"}) as answer:
                assert answer.status == 200
                assert "<mark>Traceback</mark>" in await answer.text()
        for path in (
            "/jobs/vision/mnist/logs/c9/stderr",
            "/jobs/vision/mnist/logs/c3/syslog",
            "/jobs/vision/mnist/logs/c3/..%2F..%2Fetc",
            "/jobs/vision/other/logs/c3/stderr",
        ):
            async with client.get(path) as answer:
                assert answer.status == 404
        async with client.get("/jobs/vision/mnist/logs/c3/stderr", params={"find": "x" * 201}) as answer:
            assert answer.status == 400
            assert await answer.text() == "find: 201 letters are too many to search for: 200 at most\n"
    assert [asked[:3] for asked in node.asked] == [("a:8042", "c3", "stderr"), ("d:8042", "c0", "stderr")]
