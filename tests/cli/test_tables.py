"""Tables on terminals of any width: columns go, letters never do, and later rows stand below the first."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.running import Ran
from cli.stored import NOW, stored, with_status
from observe.pictures import condition, replica, role
from trainmaster.api.status import ConditionType, RoleStatus
from trainmaster.cli import tables
from trainmaster.cli.describe import description
from trainmaster.cli.progress import panel

ROW = tables.row(stored(), NOW)


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (200, ["NAME", "STATE", "FRAMEWORK", "WORKERS", "GPUS", "QUEUE", "RESTARTS", "AGE"]),
        (60, ["NAME", "STATE", "WORKERS", "QUEUE", "RESTARTS", "AGE"]),
        (40, ["NAME", "STATE", "WORKERS", "AGE"]),
        (20, ["NAME", "STATE"]),
        (5, ["NAME", "STATE"]),
    ],
)
def test_a_narrow_table_has_fewer_columns(room: int, shown: list[str]) -> None:
    head, row = tables.Sheet(tables.HEADER, [ROW], room).lines
    assert head.split() == shown
    assert len(row.split()) == len(shown)
    assert room < 20 or max(len(head), len(row)) <= room


def test_later_rows_keep_the_columns() -> None:
    sheet = tables.Sheet(tables.HEADER, [tables.row(stored(name="a-rather-long-name"), NOW)], goes_on=True)
    later = sheet.further(tables.row(with_status("Succeeded"), NOW))
    assert later.index("TensorFlow") == sheet.lines[0].index("FRAMEWORK")
    longer = sheet.further(tables.row(stored(name="a-name-that-is-longer-than-all-before"), NOW))
    assert longer.startswith("a-name-that-is-longer-than-all-before   Running")


@given(
    names=st.lists(st.text("ab", min_size=1, max_size=30), min_size=1, max_size=4), room=st.integers(1, 150)
)
def test_no_letter_is_lost(names: list[str], room: int) -> None:
    sheet = tables.Sheet(tables.HEADER, [tables.row(stored(name=name), NOW) for name in names], room)
    assert [line.split()[0] for line in sheet.lines[1:]] == names


def test_the_live_view_on_forty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    job = with_status("Running", roles={"parameter-server": role(2, 1, replicas=(replica(0, "Running"),))})
    console = Console(width=40, file=sys.stdout, force_terminal=False)
    console.print(panel(job, 40))
    out = capsys.readouterr().out
    assert "parameter-server   2        1" in out
    assert "…" not in out


SENTENCE = "worker-0 and worker-1 failed within 1 s of it, and the whole job starts again in 10 s"


@pytest.mark.parametrize("room", [40, 60, 80])
def test_all_of_describe_fits_but_for_what_is_one_word(room: int) -> None:
    failing = condition(ConditionType.RESTARTING, "ProcessFailed", SENTENCE)
    job = with_status("Restarting", conditions=(failing,))
    lines = description(job, NOW, room)
    begins = lines.index("Replicas:")
    assert max(map(len, lines[begins:])) <= room
    assert SENTENCE in " ".join(" ".join(lines).split())
    assert any("worker-1" in line and "Running" in line for line in lines)


def test_what_the_start_of_a_role_waits_for_is_described() -> None:
    job = with_status("Running")
    assert job.status is not None
    roles = {"ps": RoleStatus(wanted=2), "worker": RoleStatus(wanted=1, waits_for="until ps runs: 1 of 2 do")}
    waiting = replace(job, status=job.status.model_copy(update={"roles": roles}))
    assert any(
        line.split() == ["Waits:", "worker", "until", "ps", "runs:", "1", "of", "2", "do"]
        for line in description(waiting, NOW)
    )
    assert not any(line.startswith("Waits:") for line in description(job, NOW))


def test_why_fewer_replicas_are_wanted_than_declared_is_described() -> None:
    job = with_status("Running")
    assert job.status is not None
    roles = {"worker": RoleStatus(wanted=2, resized="2 of 4: all of today's nodes have 2048 MiB, 2 vcores")}
    fewer = replace(job, status=job.status.model_copy(update={"roles": roles}))
    assert any(
        line.split()[:5] == ["Resized:", "worker", "2", "of", "4:"] for line in description(fewer, NOW)
    )
    assert not any(line.startswith("Resized:") for line in description(job, NOW))


def test_where_a_program_reads_describe_has_all_columns() -> None:
    lines = description(with_status("Running"), NOW)
    assert any("CONTAINER" in line and "PORTS" in line for line in lines)
    assert any("REASON" in line and "MESSAGE" in line for line in lines)


@given(
    rows=st.lists(st.tuples(st.text("ab", max_size=9), st.text("ab ", max_size=90)), max_size=4),
    room=st.integers(1, 99),
)
def test_no_word_of_a_sentence_is_lost(rows: list[tuple[str, str]], room: int) -> None:
    lines = tables.with_sentences(("A", "MESSAGE"), rows, (), room)
    words = "".join("".join(line.split()) for line in lines)
    for _, sentence in rows:
        assert "".join(sentence.split()) in words


def test_events_tell_turns_and_ends_in_order(trainmaster: Callable[..., Ran]) -> None:
    from observe.pictures import exited
    from trainmaster.cli.events import in_order
    from trainmaster.sources.stored import Past

    ended = replica(1, "BackingOff", last_exit=exited(137, "Retryable", "killed by signal 9"))
    job = with_status("Running", roles={"worker": role(2, 1, replicas=(ended,))})
    told = in_order(Past("", "", job.status))
    assert [each[0] for each in told] == sorted(each[0] for each in told)
    assert ("Retryable", "worker-1", "killed by signal 9 on node1") in {each[1:] for each in told}
    assert any(each[3] == "Running: all processes run" for each in told)
    assert in_order(Past("", "", None)) == []
    first = Past("2025-06-15T15:00:00Z", "first seen in vision/mnist.yaml", job.status)
    assert in_order(first)[0][1:] == ("Declared", "job", "first seen in vision/mnist.yaml")
