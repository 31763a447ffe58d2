"""A template: what its placeholders may be, and what a person is told of one that can't be filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.api.documents import read_object
from trainmaster.api.template import (
    FORMS,
    LISTS,
    OWN,
    PARTS,
    WHOLE,
    Placeholder,
    fill,
    loose,
    placeholders,
    read,
)

ROLES = {"worker": {"command": "c", "replicas": 2}, "ps": {"command": "c", "replicas": 0}}


def told(value: str, *roles: str) -> list[str]:
    template = [{"name": "OTHER"}, {"name": "A", "value": value, "roles": list(roles)}]
    spec = {"framework": "Custom", "template": template, "roles": ROLES}
    job, problems = read_object({"metadata": {"name": "a"}, "spec": spec})
    assert (job is None) == bool(problems)
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            "{{adresses worker}}",
            "names {{adresses worker}}, which is no placeholder: did you mean {{addresses worker}}?",
        ),
        (
            "{{first worker}}",
            "names {{first worker}}, which is no placeholder: did you mean {{first worker port}}?",
        ),
        ("{{addresses wrker}}", "names the role wrker, and spec.roles has worker, ps"),
        ("{{first ps host}}", "names the first ps, which has no replica"),
        ("a {{rank", "holds braces that open no placeholder: {{rank"),
        ('{{"a": 1}}', 'names {{"a": 1}}, which is no placeholder: there are ' + ", ".join(FORMS)),
    ],
)
def test_what_cannot_be_filled_is_told_with_its_place(value: str, reason: str) -> None:
    assert told(value) == [f"spec.template[1].value: {reason}"]


def test_a_role_that_is_not_counted_has_no_rank() -> None:
    roles = {"worker": {"command": "c"}, "ps": {"command": "c"}}
    spec = {"framework": "Custom", "template": [{"name": "A", "value": "{{rank}}"}], "roles": roles}
    _, problems = read_object({"metadata": {"name": "a"}, "spec": spec})
    reason = "a ps has no rank, for worker are counted: name the roles that are told it"
    assert [str(p) for p in problems] == [f"spec.template[0].value: {reason}"]


def test_a_role_that_is_told_must_be_there() -> None:
    reason = "names the role wrker, and spec.roles has worker, ps"
    assert told("", "worker", "wrker") == [f"spec.template[1].roles[1]: {reason}"]


def test_no_process_is_told_one_variable_twice() -> None:
    template = [{"name": "A"}, {"name": "A", "roles": ["worker"]}]
    spec = {"framework": "Custom", "template": template, "roles": ROLES}
    _, problems = read_object({"metadata": {"name": "a"}, "spec": spec})
    assert [str(p) for p in problems] == ["spec.template[1].name: A stands in this list twice"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_is_told_of_can_be_read(form: str) -> None:
    assert read(form.replace("ROLE", "worker")) is not None


_ROLES = st.sampled_from(["a", "worker", "left-1"])
WORDS = st.one_of(
    st.sampled_from([*OWN, *WHOLE]),
    st.tuples(st.sampled_from([*LISTS, "replicas"]), _ROLES).map(" ".join),
    st.tuples(st.just("json"), st.sampled_from(LISTS), _ROLES).map(" ".join),
    st.tuples(st.just("first"), _ROLES, st.sampled_from(PARTS)).map(" ".join),
)
PLAIN = st.text(st.characters(exclude_characters="{}"))


@given(st.lists(st.tuples(PLAIN, WORDS)), PLAIN)
def test_placeholders_are_replaced_and_all_else_stays(parts: list[tuple[str, str]], rest: str) -> None:
    text = "".join(f"{plain}{{{{{words}}}}}" for plain, words in parts) + rest
    assert [words for words, asked in placeholders(text) if asked] == [words for _, words in parts]
    assert fill(text, lambda _: "X") == "".join(plain + "X" for plain, _ in parts) + rest
    assert loose(text) == ""


@given(st.text(st.sampled_from("{} arnk")))
def test_what_is_filled_once_is_never_filled_again(text: str) -> None:
    """A value that looks like a placeholder stays as it is."""
    assert fill(text, lambda asked: asked.what) == fill(text, lambda asked: asked.what)
    assert fill("{{rank}}", lambda _: "{{role}}") == "{{role}}"


def test_json_closes_where_it_should() -> None:
    config = '{"cluster": {"worker": {{json addresses worker}}}, "task": {"index": {{index}}}}'
    asked = [found for _, found in placeholders(config)]
    assert asked == [Placeholder("addresses", "worker", json=True), Placeholder("index")]
    assert loose(config) == ""


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (
            {"value": "{{rank}} {{first data host}}"},
            "spec.template[0].value: names data, which doesn't run when worker starts",
        ),
        (
            {"value": "{{world}}", "roles": ["data"]},
            "spec.template[0].roles[0]: data is prepared before the others have a place, and is told nothing of them:"
            " give it env",
        ),
        ({"value": "{{rank}} of {{world}}, {{replicas data}} before"}, ""),
    ],
)
def test_a_preparation_and_the_others_are_told_nothing_of_each_other(
    variable: dict[str, object], said: str
) -> None:
    after = [{"role": "data", "when": "Succeeded"}]
    roles = {"data": {"command": "c"}, "worker": {"command": "c", "startAfter": after}}
    spec = {"framework": "Custom", "template": [{"name": "A", **variable}], "roles": roles}
    _, problems = read_object({"metadata": {"name": "a"}, "spec": spec})
    assert [str(p) for p in problems] == ([said] if said else [])
