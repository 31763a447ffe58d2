"""Sentences about single findings: in words of the person who wrote the document."""

from __future__ import annotations

import pytest

from trainmaster.api.complaints import cut
from trainmaster.api.documents import read_object


@pytest.mark.parametrize(
    ("metadata", "spec", "reason"),
    [
        ({"name": "A b"}, {}, "must be lower-case letters, digits, - and ., with a letter or digit at both ends"),
        ({"namespace": "A"}, {}, "must be lower-case letters, digits and -, with a letter or digit at both ends"),
        ({}, {"env": [{"name": "1A", "value": ""}]}, "must be letters, digits and _, and not begin with a digit"),
        (
            {},
            {"files": [{"source": "file:///a", "name": "a/b"}]},
            "must be a plain file name of letters, digits, '.', _ and -, without folders",
        ),
        ({}, {"user": "1a"}, "is no user name: letters, digits and _ . @ $ -, not begun by a digit"),
    ],
)  # fmt: skip
def test_a_word_of_another_form_is_told_the_form_and_no_pattern(
    metadata: dict[str, object], spec: dict[str, object], reason: str
) -> None:
    roles = {"worker": {"command": "c"}}
    _, problems = read_object({"metadata": {"name": "a"} | metadata, "spec": {"roles": roles} | spec})
    assert [problem.reason for problem in problems] == [reason]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "a"),
        ("a\nb", r"a\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a" * 80, "a" * 80),
        ("a" * 81, "a" * 79 + "…"),
        ("\n" * 41, r"\n" * 39 + "\\…"),
    ],
)
def test_any_text_is_shown_in_one_line_that_is_not_too_long(text: str, shown: str) -> None:
    assert cut(text) == shown


def test_a_field_named_as_pydantic_names_keys_is_unknown_like_any_other() -> None:
    job, problems = read_object({"[key]": []})
    assert job is None
    assert "unknown field '[key]'" in " ".join(map(str, problems))
