"""Reasons are words for machines: CamelCase, unique, and each explained."""

import ast
import inspect
import re
from itertools import pairwise

from trainmaster.api import reasons

WORDS = {name: value for name, value in vars(reasons).items() if name.isupper()}


def test_a_reason_is_one_camel_case_word_named_alike() -> None:
    for name, word in WORDS.items():
        assert re.fullmatch(r"([A-Z][a-z]+)+", word), name
        assert re.sub(r"(?<!^)(?=[A-Z])", "_", word).upper() == name


def test_no_two_reasons_are_the_same() -> None:
    assert len(set(WORDS.values())) == len(WORDS)


def test_every_reason_is_explained_in_one_sentence() -> None:
    body = ast.parse(inspect.getsource(reasons)).body
    for statement, following in pairwise(body):
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(following, ast.Expr), ast.unparse(statement)
            assert isinstance(following.value, ast.Constant)
            assert str(following.value.value).endswith(".")
