"""An edit of a file changes what it says, and nothing else: byte for byte."""

from __future__ import annotations

import difflib
import io
import json

import pytest
import ruamel.yaml
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.yaml_tree import read_tree
from trainmaster.errors import InvalidError
from trainmaster.sources.editing import edited

REPLICAS = ("spec", "roles", "worker", "replicas")
SUSPEND = ("spec", "runPolicy", "suspend")


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1 # one\nb: 'yes'\n", ("a",), 2, "a: 2 # one\nb: 'yes'\n"),
        ("at: 2026-01-01T00:00:00.123456789+02:00\na: 1\n", ("a",), 2, None),
        ('v: "yes"\nw: 0o7\nx: 1_000\ny: .5\nz: 2026-01-01\na: 1', ("a",), 2, None),
        ("a:\n", ("a",), True, "a: true\n"),
        ("a: ~\n", ("a", "b"), True, "a: {b: true}\n"),
        ("{a: {x: 1 }}\n", ("a", "b"), "c", "{a: {x: 1, b: c }}\n"),
        ("a: {}\n", ("a", "b", "c"), 1, "a: {b: {c: 1}}\n"),
        ("a:\n  x: 1 # one\n# end\nz: 2\n", ("a", "b"), 1, "a:\n  x: 1 # one\n  b: 1\n# end\nz: 2\n"),
        ("a:\n  x: 1", ("a", "b", "c"), True, "a:\n  x: 1\n  b:\n    c: true"),
        ("a:\r\n  x: 1\r\n", ("a", "b"), 1, "a:\r\n  x: 1\r\n  b: 1\r\n"),
        ("a:\n  x: |+\n    text\n\nz: 1\n", ("a", "b"), 1, "a:\n  x: |+\n    text\n\n  b: 1\nz: 1\n"),
        ("\ufeffa: 1\n", ("a",), 2, "\ufeffa: 2\n"),
        ("a: 'it'\nb: 1\n", ("a",), "it's", "a: 'it''s'\nb: 1\n"),
        ("a: x\n", ("a",), "yes", 'a: "yes"\n'),
        ("a: [x, y]\n", ("a", 2), "z", "a: [x, y, z]\n"),
        ("a:\n- x: 1\n  y: 2\nb: 1\n", ("a", 1), {"x": 2}, "a:\n- x: 1\n  y: 2\n- {x: 2}\nb: 1\n"),
        ("a:\n- x: 1\n", ("a", 0, "x"), 2, "a:\n- x: 2\n"),
        ("a: {x: ä, y: 1}\n", ("a", "y"), 2, "a: {x: ä, y: 2}\n"),
        ("b: &b {x: 1}\na: {<<: *b}\n", ("a", "x"), 2, "b: &b {x: 1}\na: {<<: *b, x: 2}\n"),
        ("a: &n 1\nb: 2\n", ("b",), 3, "a: &n 1\nb: 3\n"),
    ],
)
def test_one_word_changes_and_nothing_else(before, path, value, after):
    assert edited(before, {path: value}) == (after or before.replace("a: 1", f"a: {value}"))


def test_setting_what_is_so_changes_nothing():
    assert edited("a:  0x1 # odd\nb: true\n", {("b",): True}) == "a:  0x1 # odd\nb: true\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("spec: {roles: {ps: &base {replicas: 1}, worker: *base}}", r"spec.roles.worker is the alias \*base"),
        ("spec: {roles: {worker: &base {replicas: 1}, ps: *base}}", r"used elsewhere as \*base"),
        ("spec: {roles: {worker: {replicas: &n 1}, ps: {replicas: *n}}}", r"used elsewhere as \*n"),
        ("spec: {roles: {worker: {replicas: *n}}, n: &n 1}", "stands for nothing"),
        ("spec: {roles: [worker]}", "not a mapping"),
        ("spec: 5", "not a mapping"),
        ("b: &b {roles: {worker: {command: c}}}\nspec: {<<: *b}", "edit it by hand"),
        ("spec: [", "line 2: not YAML"),
    ],
)
def test_what_can_t_be_changed_alone_is_refused(text, reason):
    with pytest.raises(InvalidError, match=reason):
        edited(text, {REPLICAS: 3})


KEYS = st.from_regex(r"[a-z][a-zA-Z]{0,6}", fullmatch=True)
WORDS = (
    st.sampled_from(
        [
            "yes",
            "No",
            "~",
            "null",
            "1e3",
            "0o17",
            "2026-01-01T10:00:00.123456789Z",
            "12:30",
            "a: b",
            "# x",
            "- a",
        ]
    )
    | st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
    | st.sampled_from(["two\nlines\n", "three\n\nlines", " indented\n"])
)
VALUES = st.recursive(
    WORDS | st.integers(-5, 5) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


class Random(ruamel.yaml.YAML):
    """A writer of YAML in styles that people use."""

    def __init__(self, flow: bool | None, indent: int, width: int) -> None:
        super().__init__(typ="safe", pure=True)
        self.default_flow_style, self.width, self.allow_unicode = flow, width, True
        self.indent(mapping=indent, sequence=indent + 2, offset=indent - 1)


def _text(document, flow, indent, width, comment):
    out = io.StringIO()
    Random(flow, indent, width).dump(document, out)
    return f"# {comment}\n{out.getvalue()}"


@given(
    DOCUMENTS,
    st.sampled_from([True, False, None]),
    st.integers(2, 4),
    st.sampled_from([20, 80, 4096]),
    st.integers(0, 9),
    st.data(),
)
def test_of_any_document_only_the_field_changes(document, flow, indent, width, value, data):
    text = _text(document, flow, indent, width, "mine")
    before = read_tree(text)
    if before.problems:
        return
    path = data.draw(st.sampled_from(sorted(_mappings(before.value))))
    around = _at(before.value, path)
    scalars = [key for key, below in around.items() if not isinstance(below, list | dict)]
    path = (*path, data.draw(st.sampled_from([*scalars, "fresh"])))
    after = edited(text, {path: value})
    assert json.dumps(read_tree(after).value) == json.dumps(_set(before.value, path, value))
    assert _regions(text, after) <= 1


def _mappings(value, path=()):
    yield path
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _mappings(below, (*path, key))


def _at(value, path):
    for step in path:
        value = value[step]
    return value


def _set(value, path, new):
    step, *rest = path
    return {**value, step: _set(value[step], rest, new) if rest else new}


def _regions(before: str, after: str) -> int:
    """How many stretches of lines differ."""
    steps = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return sum(tag != "equal" for tag, *_ in steps.get_opcodes())
