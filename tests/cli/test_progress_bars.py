"""What a log's lines are: ended by \\n, or gone over by \\r as progress bars do it."""

from __future__ import annotations

import itertools
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from trainmaster.cli import log_lines
from trainmaster.cli.log_lines import BREAK, LONGEST_LINE, Log, Shown


def shown() -> Shown:
    return Shown(Log("worker-0", "http://node1:8042", "container_1", "stdout"), "worker-0: ")


def test_a_progress_bar_is_shown_while_it_moves_and_with_its_prefix() -> None:
    log = shown()
    assert log.take(b"begin\n\r 0%\r 50%", 15) == ["worker-0: begin", "worker-0:  0%"]
    assert log.take(b"\r100%", 20) == ["worker-0:  50%"]
    assert log.take(b"\r\nend\r\n\n", 27) == ["worker-0: 100%", "worker-0: end", "worker-0: "]
    assert log.last() == []


class Looks:
    """Counts the bytes that are looked through for ends of lines."""

    def __init__(self) -> None:
        self.bytes = 0

    def split(self, content: bytes) -> list[bytes]:
        self.bytes += len(content)
        return BREAK.split(content)


def test_a_line_without_an_end_is_looked_through_once_and_not_kept_for_ever() -> None:
    log, looks = shown(), Looks()
    with patch.object(log_lines, "BREAK", looks):
        lines = [line for _ in range(400) for line in log.take(b"x" * 4096, 0)]
    assert looks.bytes == 400 * 4096
    assert len(log.rest) <= LONGEST_LINE
    assert sum(len(line) - len("worker-0: ") for line in lines) + len(log.rest) == 400 * 4096


def test_returns_without_end_cost_no_more_than_other_letters() -> None:
    """They did by their square: hours."""
    log = shown()
    assert [line for _ in range(16) for line in log.take(b"\r" * (1 << 16), 0)] == []
    assert len(log.rest) == 1
    assert log.take(b"\nend\n", 0) == ["worker-0: ", "worker-0: end"]


@example("a\r\r\n", [3])
@given(st.text(alphabet="ab\r\n"), st.lists(st.integers(0, 40)))
def test_lines_don_t_depend_on_how_they_arrive(text: str, cuts: list[int]) -> None:
    content, whole, parts = text.encode(), shown(), shown()
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    said = [line for a, b in itertools.pairwise(edges) for line in parts.take(content[a:b], b)]
    assert said + parts.last() == whole.take(content, len(content)) + whole.last()
