"""Each test that only `make test-rare` runs has another that stands for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "tests" / "real").rglob("test_*.py"))


def stand_ins(path: Path) -> Iterator[str]:
    """What a file's `rare(...)` name; a constant of the file may stand for it."""
    tree = ast.parse(path.read_text())
    constants = {
        n.targets[0].id: n.value
        for n in tree.body
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "rare":
            named = call.args[0]
            yield ast.literal_eval(constants[named.id] if isinstance(named, ast.Name) else named)


STAND_INS = [(path.name, each) for path in FILES for each in stand_ins(path)]


def test_there_are_some() -> None:
    assert STAND_INS


@pytest.mark.parametrize(("_where", "stand_in"), STAND_INS)
def test_what_stands_for_it_is_there(_where: str, stand_in: str) -> None:
    file, _, function = stand_in.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    found = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    ]
    assert [is_rare(node) for node in found] == [False], "it runs in `make test` itself"


def is_rare(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """At every door, that is: a mark on single cases of it, or for one door, leaves others."""
    return any(
        isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Name)
        and mark.func.id == "rare"
        and len(mark.args) + len(mark.keywords) == 1
        for mark in function.decorator_list
    )


def test_one_that_is_rare_itself_is_told_from_one_that_runs_at_one_door() -> None:
    tree = ast.parse(
        "@rare('x')\ndef a(): ...\n@at_one_door('x')\ndef b(): ...\n@rare('x', 'y')\ndef c(): ..."
    )
    assert [is_rare(each) for each in tree.body if isinstance(each, ast.FunctionDef)] == [True, False, False]
