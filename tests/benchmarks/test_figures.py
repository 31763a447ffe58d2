"""Samples become records, and histograms quantiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import REFERENCE, Sample, quantile, summarise

PEER = "peer"


def a_sample(value: float, system: str = REFERENCE, figure: str = "start", load: float = 0.5) -> Sample:
    return Sample(figure, system, "s", value, load)


def test_a_record_holds_number_median_least_and_most():
    (record,) = summarise([a_sample(3), a_sample(1), a_sample(10, load=4)])
    assert (record.n, record.median, record.min, record.max, record.load) == (3, 3, 1, 10, 0.5)


def test_the_ratio_is_of_medians_to_trainmaster():
    ours, peer = summarise([a_sample(2), a_sample(4), a_sample(30, PEER)])
    assert (ours.ratio, peer.ratio) == (1, 10)


@pytest.mark.parametrize("others", [[], [a_sample(0)], [a_sample(1, figure="other")]])
def test_there_is_no_ratio_to_nothing(others):
    assert [r.ratio for r in summarise([*others, a_sample(30, PEER)]) if r.system == PEER] == [None]


def test_figures_stay_in_the_order_in_which_they_came():
    samples = [a_sample(1, figure=name) for name in ("z", "a", "z", "m")]
    assert [record.figure for record in summarise(samples)] == ["z", "a", "m"]


def test_nothing_measured_is_no_record():
    assert summarise([]) == []


@pytest.mark.parametrize(
    ("q", "expected"),
    [(0.5, 1.0), (0.25, 0.5), (0.75, 2.0), (0.9, 2.6), (1.0, 3.0)],
)
def test_a_quantile_is_linear_within_its_bucket(q, expected):
    assert quantile(q, {1.0: 50, 3.0: 100, math.inf: 100}) == pytest.approx(expected)


def test_what_lies_above_the_last_bound_counts_as_that_bound():
    assert quantile(0.99, {1.0: 50, 3.0: 60, math.inf: 100}) == 3.0


@pytest.mark.parametrize("buckets", [{}, {1.0: 0, math.inf: 0}])
def test_there_is_no_quantile_of_nothing(buckets):
    assert quantile(0.99, buckets) is None


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(any), st.floats(0.01, 1), st.floats(0.01, 1)
)
def test_quantiles_rise(counts, one, other):
    bounds = [*map(float, range(1, len(counts))), math.inf]
    buckets = {bound: sum(counts[: i + 1]) for i, bound in enumerate(bounds)}
    low, high = sorted((one, other))
    assert quantile(low, buckets) <= quantile(high, buckets) + 1e-9
