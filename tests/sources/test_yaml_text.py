"""Whatever a document holds, each YAML reader finds it again; and a person can read it."""

from __future__ import annotations

import io

import pytest
import ruamel.yaml
import yaml
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.sources.yaml_text import to_text

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.from_regex(r"[a-z ][a-z :#'\",\[\]{}&*!|>%@`-]{0,12}", fullmatch=True)
)
DOCUMENTS = st.dictionaries(
    st.text(max_size=30),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
        max_leaves=12,
    ),
    min_size=1,
)


@given(DOCUMENTS)
def test_every_reader_finds_what_was_written(document):
    text = to_text(document)
    assert yaml.load(text, Loader=yaml.CSafeLoader) == document
    assert yaml.safe_load(text) == document


@pytest.mark.parametrize(
    "word", ["yes", "No", "ON", "null", "~", "12", "1e3", "0x1", "1_000", "2026-11-26T10:00:00Z"]
)
@pytest.mark.parametrize(
    "read", [yaml.safe_load, lambda text: ruamel.yaml.YAML(typ="safe").load(io.StringIO(text))]
)
def test_a_string_that_looks_like_something_else_stays_a_string(word, read):
    assert read(to_text({word: [word]})) == {word: [word]}


def test_commas_and_brackets_in_a_list_in_a_list_stay_its_own():
    document = {"rows": [["a, b", "c]", {"d: e": "f}"}]]}
    assert yaml.safe_load(to_text(document)) == document


def test_it_is_written_for_people():
    document = {
        "status": {
            "conditions": [{"type": "Running", "message": "all 2 processes run: since 10:00"}],
            "errors": [],
            "ports": [20000, 20001],
            "url": "http://n1:8042/ws/v1",
            "seconds": 1.5,
        }
    }
    assert to_text(document) == (
        "status:\n"
        "  conditions:\n"
        "  - type: Running\n"
        '    message: "all 2 processes run: since 10:00"\n'
        "  errors: []\n"
        "  ports:\n"
        "  - 20000\n"
        "  - 20001\n"
        "  url: http://n1:8042/ws/v1\n"
        "  seconds: 1.5\n"
    )
