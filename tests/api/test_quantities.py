"""Sizes and times: the tables of Kubernetes and YARN, and laws over everything that can be written."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.quantities import (
    MAX_MIB,
    MAX_SECONDS,
    MIB,
    SUFFIXES,
    format_duration,
    format_memory,
    parse_duration,
    parse_memory,
)


@pytest.mark.parametrize(
    ("written", "mebibytes"),
    [
        ("512Mi", 512),
        ("1Gi", 1024),
        ("1.5Gi", 1536),
        ("2Ti", 2 * 2**20),
        ("1Pi", 2**30),
        ("2048Ki", 2),
        ("4G", 3815),  # 4,000,000,000 bytes are 3814.7 MiB
        ("8G", 7630),
        ("1T", 953675),
        ("1500M", 1431),
        ("1048577k", 1001),
        ("1048576000m", 1),
        ("1048576000000u", 1),
        ("1048576000000000n", 1),
        ("1e9", 954),
        ("1E9", 954),
        ("2e+9", 1908),
        ("20e8", 1908),
        ("2000000000e-1", 191),
        ("+512Mi", 512),
        ("1.Gi", 1024),
        (".5Gi", 512),
        ("1048576", 1),
        (1048576, 1),
        (1048577, 2),
        (3.5e6, 4),
    ],
)
def test_sizes_are_kubernetes_quantities_rounded_up_to_mebibytes(written: object, mebibytes: int) -> None:
    assert parse_memory(written) == mebibytes


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("8X", "'8X' is not a size: write 4G"),
        ("8GB", "is not a size"),
        ("8 G", "is not a size"),
        ("", "is not a size"),
        ("G", "is not a size"),
        (".", "is not a size"),
        ("1e5G", "both an exponent and a unit"),
        ("1e999", "is not a size"),
        ("9" * 5000, "is not a size"),
        (True, "True is not a size"),
        ([1], "is not a size"),
        ({}, "is not a size"),
        (None, "is not a size"),
        (math.inf, "inf is not a number"),
        (math.nan, "nan is not a number"),
        (4096, "4096 is less than 1 MiB: sizes are bytes, or have a unit"),
        ("512m", "less than 1 MiB"),
        (0, "less than 1 MiB"),
        ("-1Gi", "less than 1 MiB"),
        ("1Ei", "more than YARN can count"),
        (10**40, "more than YARN can count"),
    ],
)
def test_what_is_no_size_says_so(written: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_memory(written)


@given(st.integers(1, 10**6), st.sampled_from(sorted(SUFFIXES)))
def test_a_size_is_never_less_than_was_written_and_never_a_mebibyte_more(number: int, suffix: str) -> None:
    wanted = Fraction(number) * SUFFIXES[suffix] / MIB
    try:
        got = parse_memory(f"{number}{suffix}")
    except ValueError:
        assert wanted < 1 or wanted > MAX_MIB
    else:
        assert isinstance(got, int)
        assert wanted <= got < wanted + 1


@given(st.integers(1, MAX_MIB))
def test_a_size_reads_back_as_it_was_written(mebibytes: int) -> None:
    assert parse_memory(format_memory(mebibytes)) == mebibytes


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1d2h3m4s5ms", 93784.005),
        ("250ms", 0.25),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("0s", 0),
        ("90", 90),
        ("1.5", 1.5),
        (0, 0),
        (90, 90),
        (2.25, 2.25),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("5x", "'5x' is not a duration: write 30s"),
        ("", "is not a duration"),
        ("30m1h", "is not a duration"),
        ("1h1h", "is not a duration"),
        ("-5m", "is not a duration"),
        ("5 m", "is not a duration"),
        ("1e3s", "is not a duration"),
        ("9" * 5000 + "s", "is not a duration"),
        (True, "True is not a duration"),
        (None, "is not a duration"),
        ([], "is not a duration"),
        (math.inf, "inf is not a number"),
        (-1, "-1 is out of range"),
        ("3651d", "out of range: a duration is 0s to 3650d"),
        (10**30, "out of range"),
    ],
)
def test_what_is_no_duration_says_so(written: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_duration(written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0s"),
        (300.0, "5m"),
        (5400.0, "1h30m"),
        (90061.5, "1d1h1m1.5s"),
        (0.25, "0.25s"),
        (0.001, "0.001s"),
    ],
)
def test_a_duration_is_written_in_its_largest_units(seconds: float, written: str) -> None:
    assert format_duration(seconds) == written


@given(st.integers(0, MAX_SECONDS * 1000))
def test_a_duration_reads_back_as_it_was_written(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.binary())
def test_anything_else_is_refused_with_a_sentence(value: object) -> None:
    for parse in (parse_memory, parse_duration):
        try:
            parse(value)
        except ValueError as error:
            assert 0 < len(str(error)) < 300  # noqa: PT017 - most values are refused, some are not
