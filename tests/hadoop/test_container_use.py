"""What a NodeManager measures of containers: read from what a real one answered, and from what none should."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadoop.use_answers import FIRST, SECOND, answer, bean, unmeasured
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.container_use import MOST, SenselessError, Use, UseTrouble, read, trouble_of

MIB = 1024 * 1024


def test_the_last_period_and_the_most_are_told_in_bytes_and_cores() -> None:
    told = read(answer(bean(FIRST), unmeasured(SECOND)).encode())
    assert told == {FIRST: Use(118 * MIB, 120 * MIB, 0.095, 0.34), SECOND: Use()}
    assert told[FIRST]
    assert not told[SECOND], "nothing was measured of it yet"


def test_a_mean_above_the_most_is_the_most() -> None:
    told = read(answer(bean(FIRST, PMemUsageMBsAvgMBs=200.0)).encode())[FIRST]
    assert told.memory == told.memory_peak == 200 * MIB


@pytest.mark.parametrize(
    "numbers",
    [
        {"PMemUsageMBsAvgMBs": -1.0},
        {"PMemUsageMBsAvgMBs": 1e30},
        {"PMemUsageMBsAvgMBs": "NaN"},
        {"PMemUsageMBsAvgMBs": None},
        {"PMemUsageMBsAvgMBs": [1]},
        {"PMemUsageMBsAvgMBs": True},
        {"PMemUsageMBsNumUsage": 0, "PMemUsageMBsAvgMBs": 0.0, "PMemUsageMBsMaxMBs": 1.4e-45},
    ],
)
def test_a_number_that_can_not_be_is_not_known_and_takes_no_other_with_it(numbers: dict[str, Any]) -> None:
    told = read(answer(bean(FIRST, **numbers)).encode())[FIRST]
    assert told.memory is None
    assert told.cores == 0.095


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b"null",
        b"[]",
        b"{}",
        b'{"beans": null}',
        b'{"beans": [1]}',
        b'{"beans": [{}]}',
        b'{"beans": [{"name": 5}]}',
        b"[" * 100_000,
        json.dumps({"beans": [{"name": "x"}] * (MOST + 1)}).encode(),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(SenselessError):
        read(body)


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_whatever_it_says_nothing_else_is_raised(value: Any) -> None:
    for document in (
        value,
        {"beans": value},
        {"beans": [{"name": "name=ContainerResource_c", "PMemUsageMBsAvgMBs": value}]},
    ):
        try:
            read(json.dumps(document).encode())
        except SenselessError:
            continue


def test_beans_of_something_else_are_read_over() -> None:
    assert read(answer({"name": "Hadoop:service=NodeManager,name=JvmMetrics"}).encode()) == {}


def test_kinds_of_trouble() -> None:
    assert trouble_of(UnavailableError("no answer")) is UseTrouble.UNREACHABLE
    assert trouble_of(DeniedError("403", "not you")) is UseTrouble.DENIED
    assert trouble_of(SenselessError("what")) is UseTrouble.SENSELESS
