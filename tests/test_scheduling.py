"""Sentences about which tests share a process."""

from __future__ import annotations

import pytest

from scheduling import MEMORY_OF_ONE, group, processes


@pytest.mark.parametrize(
    ("test", "shared_with"),
    [
        ("tests/real/test_engine.py::test_it_starts[folder]", "tests/real/test_engine.py[folder]"),
        ("tests/real/test_engine.py::test_it_starts[9-kubernetes]", "tests/real/test_engine.py[kubernetes]"),
        ("tests/real/shipping/test_chart.py::test_it_renders[kubernetes-admin]", "tests/real/shipping/test_chart.py[kubernetes]"),
        ("tests/real/test_gpus.py::test_numbers", "tests/real/test_gpus.py[]"),
    ],
)  # fmt: skip
def test_tests_on_daemons_share_a_process_with_those_of_their_file_and_kind(
    test: str, shared_with: str
) -> None:
    assert group(test) == shared_with


def test_any_other_test_runs_where_there_is_time() -> None:
    assert group("tests/plan/test_laws.py::test_a[folder]") == "tests/plan/test_laws.py::test_a[folder]"


@pytest.mark.parametrize(
    ("cores", "memory", "count"),
    [(2, 16_000, 3), (4, 32_000, 5), (2, 2 * MEMORY_OF_ONE, 2), (2, MEMORY_OF_ONE - 1, 1)],
)
def test_tests_on_daemons_have_more_processes_than_cores_while_there_is_memory(
    cores: int, memory: int, count: int
) -> None:
    assert processes(cores, memory) == count
