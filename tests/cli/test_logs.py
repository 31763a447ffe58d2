"""`logs`: which logs are meant, and following them through growth, restarts and nodes that are away."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.in_store import publish, seen
from cli.running import Ran
from cli.stored import ScriptedStore, stored, with_status
from hadoop.test_log_streams import node
from observe.pictures import exited, replica, role
from trainmaster.cli import logs
from trainmaster.cli.exits import ExitCode, MissingError
from trainmaster.cli.log_choice import Stream, Wanted, chosen
from trainmaster.cli.log_lines import Log, harmless, last_lines
from trainmaster.cli.log_times import time_of
from trainmaster.cli.logs import Manner
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.logs import LogTail

FIRST, SECOND = "container_1_0001_01_000001", "container_1_0001_01_000002"
WANTED = Wanted("vision", "mnist", "worker", 0, streams=(Stream.STDOUT,))


class Node:
    """A NodeManager whose logs grow by one piece at each question; an error in the script is raised."""

    def __init__(self, **pieces: list[bytes | Exception]) -> None:
        self._pieces = pieces
        self._grown: dict[str, bytes] = {}

    async def since(self, http: str, container: str, file: str, offset: int) -> LogTail | None:
        whole = self._grow(container)
        return None if whole is None else LogTail(whole[offset:], len(whole))

    async def stream(self, http: str, container: str, file: str, take: Callable[[bytes], bool]) -> bool:
        whole = self._grow(container)
        for at in range(0, len(whole or b""), 3):
            if not take((whole or b"")[at : at + 3]):
                break
        return whole is not None

    async def tail(self, http: str, container: str, file: str, size: int) -> LogTail | None:
        whole = self._grow(container)
        return None if whole is None else LogTail(whole[-size:] if size else b"", len(whole))

    def _grow(self, container: str) -> bytes | None:
        left = self._pieces.get(container, [])
        if left:
            piece = left.pop(0)
            if isinstance(piece, Exception):
                raise piece
            self._grown[container] = self._grown.get(container, b"") + piece
        return self._grown.get(container)


def running(container: str, state: str = "Running") -> object:
    url = f"http://node1:8042/ws/v1/node/containers/{container}/logs"
    one = replica(0, "Running", container=container, log_url=url)
    return with_status(state, roles={"worker": role(1, 1, replicas=(one,))})


async def follow(store: ScriptedStore, node: Node, tail: int | None = None) -> None:
    await logs._follow(store, node, WANTED, Manner(tail=tail))  # type: ignore[arg-type]  # both scripted


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0)


def test_all_replicas_and_both_files_are_meant_by_default() -> None:
    found = chosen(stored().status, Wanted("vision", "mnist"))
    assert [(log.replica, log.file) for log in found] == [
        (replica, file) for replica in ("ps-0", "worker-0", "worker-1") for file in ("stdout", "stderr")
    ]
    assert found[0] == Log("ps-0", "http://node1:8042", "container_1_0001_01_000001", "stdout")


def test_previous_means_the_process_before_the_present_one() -> None:
    ends = replica(0, "Running", last_exit=exited(1, "Retryable", "x"))
    status = with_status(
        "Running", roles={"worker": role(1, 1, replicas=(ends, replica(1, "Running")))}
    ).status
    found = chosen(status, Wanted("vision", "mnist", previous=True, streams=(Stream.STDOUT,)))
    assert found == [Log("worker-0", "http://node1:8042", "container_1_0001_01_000009", "stdout")]


@pytest.mark.parametrize(
    ("content", "lines", "end"),
    [
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\n", 5, b"a\n"),
        (b"a\n", 0, b""),
        (b"", 3, b""),
        (b"x\ry\nz\n", 2, b"x\ry\nz\n"),
    ],
)
def test_last_lines(content: bytes, lines: int, end: bytes) -> None:
    assert last_lines(content, lines) == end


def test_more_last_lines_than_there_can_be_are_all_of_them() -> None:
    """Also in a number that nobody lives to see counted down."""
    assert last_lines(b"a\nb\n", 10**12) == b"a\nb\n"


async def test_following_prints_whole_lines_and_the_rest_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    node = Node(**{FIRST: [b"one\ntw", b"o\n", b"thr", b"ee"]})
    await follow(ScriptedStore(*[running(FIRST)] * 5, running(FIRST, "Succeeded")), node)
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


async def test_following_goes_on_with_the_next_container(capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(**{FIRST: [b"first\n"], SECOND: [b"second\n"]})
    await follow(ScriptedStore(running(FIRST), running(SECOND), running(SECOND, "Failed")), node)
    assert capsys.readouterr().out == "first\nsecond\n"


async def test_a_node_or_a_store_that_is_away_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(**{FIRST: [UnavailableError("node away"), b"here\n"]})
    store = ScriptedStore(running(FIRST), UnavailableError("store away"), running(FIRST, "Succeeded"))
    await follow(store, node)
    said = capsys.readouterr()
    assert said.out == "here\n"
    assert said.err == "warning: node away\nwarning: store away\n"


async def test_a_tail_begins_at_its_line_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(**{FIRST: [b"x" * 5000 + b"\none\ntwo\n", b"three\n"]})
    await follow(ScriptedStore(running(FIRST), running(FIRST, "Succeeded")), node, tail=1)
    assert capsys.readouterr().out == "two\nthree\n"


async def test_several_replicas_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    node = Node(**{FIRST: [b"a\n"], SECOND: [b"b\n"]})
    wanted = Wanted("vision", "mnist", "worker", streams=(Stream.STDOUT,))
    await logs._print_once(ScriptedStore(stored()), node, wanted, Manner())  # type: ignore[arg-type]
    assert capsys.readouterr().out == "worker-0: a\nworker-1: b\n"


async def test_no_log_at_all_is_an_error() -> None:
    with pytest.raises(MissingError, match="no log of mnist is left"):
        await logs._print_once(ScriptedStore(stored()), Node(), WANTED, Manner())  # type: ignore[arg-type]
    with pytest.raises(MissingError, match="no role boss; it has ps, worker"):
        await logs._print_once(ScriptedStore(stored()), Node(), Wanted("vision", "mnist", "boss"), Manner())  # type: ignore[arg-type]


# --- which lines, and how


async def once(manner: Manner, *contents: bytes) -> None:
    """Print what that many workers wrote."""
    node = Node(
        **{container: [content] for container, content in zip((FIRST, SECOND), contents, strict=False)}
    )
    wanted = Wanted("vision", "mnist", "worker", None if contents[1:] else 0, streams=(Stream.STDOUT,))
    await logs._print_once(ScriptedStore(stored()), node, wanted, manner)  # type: ignore[arg-type]


async def test_only_lines_with_a_pattern_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    manner = Manner(grep=re.compile("loss=[0-9]+|ERROR"))
    await once(manner, b"loss=3\nhello\nERROR x\n", b"nothing\nlast loss=1")
    assert capsys.readouterr().out == "worker-0: loss=3\nworker-0: ERROR x\nworker-1: last loss=1\n"


async def test_the_first_lines_are_enough_and_no_more_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    await once(Manner(head=2), b"one\ntwo\nthree\n" * 1000)
    assert capsys.readouterr().out == "one\ntwo\n"
    await once(Manner(head=1, grep=re.compile("^t")), b"one\ntwo\nthree\n")
    assert capsys.readouterr().out == "two\n"


async def test_on_a_terminal_replicas_have_colours(capsys: pytest.CaptureFixture[str]) -> None:
    await once(Manner(colours=True), b"a\n", b"b\n")
    assert capsys.readouterr().out == "\x1b[36mworker-0:\x1b[0m a\n\x1b[33mworker-1:\x1b[0m b\n"


async def test_binary_junk_can_not_drive_a_terminal_and_goes_to_a_file_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    junk = b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\x00\xff\xfe\x9b1m\tend\n"
    await once(Manner(terminal=True), junk)
    said = capsys.readouterr().out
    assert "\x1b[31mred\x1b[0m" in said
    assert said.endswith("\tend\x1b[0m\n")
    assert not set(said) & {"\x07", "\x00", "\x9b"}
    assert said.count("\x1b") == 3, "those of the colours, and one that ends them"
    await once(Manner(), junk)
    assert "\x1b]0;title\x07" in capsys.readouterr().out


async def test_lines_of_the_last_while_are_printed_with_those_that_belong_to_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = time_words(-3600), time_words(-60)
    text = f"banner\n{old} INFO begin\n  of old\n{new},123 ERROR broke\nTraceback:\n  line\n"
    await once(Manner(since=time.time() - 600), text.encode())
    said = capsys.readouterr()
    assert said.out == f"{new},123 ERROR broke\nTraceback:\n  line\n"
    assert said.err == ""


async def test_a_log_that_tells_no_times_is_said_to_tell_none(capsys: pytest.CaptureFixture[str]) -> None:
    await once(Manner(since=time.time() - 600), b"no\ntimes\n")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "note: no line of worker-0's stdout begins with a time: --since prints none of it\n"


def time_words(ago: float) -> str:
    return datetime.fromtimestamp(time.time() + ago).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006 - as logging writes it


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2025-06-15T15:06:40Z x", 1_750_000_000),
        ("2025-06-15T15:06:40.123456+00:00 x", 1_750_000_000),
        ("[2025-06-15 17:06:40,123 +0200] INFO x", 1_750_000_000),
        ("INFO:root:2025/06/15 15:06:40Z x", 1_750_000_000),
        ("[rank0]:[2025-06-15T15:06:40Z] x", 1_750_000_000),
        ("[default0]: WARNING 2025-06-15T15:06:40Z x", 1_750_000_000),
        ("(Worker pid=12) 2025-06-15 15:06:40Z | INFO | x", 1_750_000_000),
        ("\x1b[32m2025-06-15 15:06:40Z\x1b[0m | x", 1_750_000_000),
        ('{"level": "info", "time": "2025-06-15T15:06:40Z", "message": "x"}', 1_750_000_000),
        ('level=info ts="2025-06-15T15:06:40Z" x', 1_750_000_000),
        ("2025-06-15T15:06:40Z x of 2024-01-01T00:00:00Z", 1_750_000_000),
        ("[2025-06-15T15:06:40Z] 2024-01-01T00:00:00Z is when it was saved", 1_750_000_000),
        ("[I 2025-06-15 15:06:40Z ServerApp] x", 1_750_000_000),
        ("root - INFO - 2025-06-15 15:06:40Z x", 1_750_000_000),
        ("[1,0]<stdout>:2025-06-15 15:06:40Z x", 1_750_000_000),
        ("10.1.1.1: 2025-06-15 15:06:40Z x", 1_750_000_000),
        ("loaded the checkpoint of 2025-06-15T15:06:40Z", None),
        ("ERROR: no data since 2025-06-15T15:06:40Z", None),
        ("[rank0]: best model: 2025-06-15T15:06:40Z", None),
        ("last change time: 2025-06-15T15:06:40Z", None),
        ('{"level": "info", "message": "x", "of": "2025-06-15T15:06:40Z"}', None),
        ("hdfs:///data/2025-06-15T15:06:40Z/part-0", None),
        ("2025-99-15T15:06:40Z", None),
        ("step 12 of 2025", None),
        ("x" * 100 + "2025-06-15T15:06:40Z", None),
        ("", None),
    ],
)
def test_times_are_read_as_loggers_write_them(line: str, at: float | None) -> None:
    assert time_of(line) == at


def test_a_time_of_spark_is_of_this_machine() -> None:
    assert time_of("25/06/15 15:06:40 INFO SparkContext: x") == datetime(2025, 6, 15, 15, 6, 40).timestamp()  # noqa: DTZ001 - as Spark writes it


def test_a_time_of_glog_is_of_the_last_year() -> None:
    now = time.time()
    told = time_of(time.strftime("I%m%d %H:%M:%S.123456 1 x.cc:3] y", time.localtime(now - 60)))
    assert told is not None
    assert abs(told - (now - 60)) <= 1


def test_a_time_of_glog_is_of_this_year_also_where_a_node_is_ahead() -> None:
    """By its clock, or by its zone: the newest lines aren't a year old."""
    ahead = time.time() + 3600
    told = time_of(time.strftime("I%m%d %H:%M:%S.1 1 x.cc:3] y", time.localtime(ahead)))
    assert told is not None
    assert abs(told - ahead) <= 1


@given(st.text())
def test_whatever_is_written_has_a_time_or_none(line: str) -> None:
    time_of(line)
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]", harmless(line))


async def test_a_file_that_was_cut_off_is_printed_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """As a rotation by copying does it."""

    class Rotated(Node):
        def _grow(self, container: str) -> bytes | None:
            left = self._pieces.get(container, [])
            piece = left.pop(0) if left else self._grown.get(container)
            assert isinstance(piece, bytes)
            self._grown[container] = piece
            return piece

    node = Rotated(**{FIRST: [b"a long first line\nunfinished", b"new\n", b"new\nand\n"]})
    await follow(ScriptedStore(*[running(FIRST)] * 3, running(FIRST, "Succeeded")), node)
    said = capsys.readouterr()
    assert said.out == "a long first line\nnew\nand\n"
    assert said.err == "note: worker-0's stdout was cut off, and is printed anew\n"


def test_a_pattern_that_comes_to_no_end_can_be_interrupted(store: Path) -> None:
    """While Python looks for one no other thread of it works, so nobody but the system can end the command."""
    evil = b"a\n" * 40_000 + b"a" * 64 + b"!\n"
    with node(len(evil), 1, evil) as url:
        log = f"{url}/ws/v1/node/containers/{FIRST}/logs"
        one = replica(0, "Running", container=FIRST, log_url=log)
        publish(store, seen("Running", roles={"worker": role(1, 1, replicas=(one,))}))
        words = ("logs", "mnist", "-n", "vision", "--container-file", "stdout", "--grep", "(a+)+$")
        code = "from trainmaster.cli import main; main.run()"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        with Popen([sys.executable, "-c", code, *words], stdout=PIPE, env=environment) as command:
            try:
                assert command.stdout
                assert [command.stdout.readline() for _ in range(1000)] == [b"a\n"] * 1000
                Thread(target=command.stdout.read, daemon=True).start()
                command.send_signal(signal.SIGINT)
                assert command.wait(20) == -signal.SIGINT
            finally:
                command.kill()


def test_what_does_not_go_together_is_refused(trainmaster: Callable[..., Ran], store: Path) -> None:
    for words in (
        ("--head", "1", "-f"),
        ("--head", "1", "--tail", "1"),
        ("--grep", "("),
        ("--since", "soon"),
    ):
        assert trainmaster("logs", "mnist", "-n", "vision", *words).code == ExitCode.USAGE
    assert store
