"""`logs`: which logs are meant, and following them through growth, restarts and nodes that are away."""

from __future__ import annotations

import pytest

from cli.stored import ScriptedStore, stored, with_status
from observe.pictures import exited, replica, role
from trainmaster.cli import logs
from trainmaster.cli.exits import MissingError
from trainmaster.cli.logs import Log, Stream, Wanted, chosen, last_lines
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
    await logs._follow(store, node, WANTED, tail)  # type: ignore[arg-type]  # both scripted


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
    await logs._print_once(ScriptedStore(stored()), node, wanted, None)  # type: ignore[arg-type]
    assert capsys.readouterr().out == "worker-0: a\nworker-1: b\n"


async def test_no_log_at_all_is_an_error() -> None:
    with pytest.raises(MissingError, match="no log of mnist is left"):
        await logs._print_once(ScriptedStore(stored()), Node(), WANTED, None)  # type: ignore[arg-type]
    with pytest.raises(MissingError, match="no role boss; it has ps, worker"):
        await logs._print_once(ScriptedStore(stored()), Node(), Wanted("vision", "mnist", "boss"), None)  # type: ignore[arg-type]
