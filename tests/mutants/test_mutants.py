"""The mutation run itself: which edits it makes, what it keeps, and that what was judged once is still there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mutants.ledger import Judgement, Ledger, entry, judged, summary
from mutants.operators import Mutant, is_another, mutants
from mutants.trial import ENOUGH, Test, Verdict, affordable

SOURCES = Path(__file__).parents[2] / "controller" / "trainmaster"


def made(text: str) -> set[str]:
    """What the text may become."""
    source = text.encode()
    return {each.applied(source).decode() for each in mutants("a.py", source) if is_another(each, source)}


def within(text: str) -> set[str]:
    """What a line within a function may become."""
    head = "def f(a, b, x):\n    "
    return {each.removeprefix(head) for each in made(head + text)}


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("g((a + b) < x)", {"pass", "g((a - b) < x)", "g((a + b) <= x)"}),
        ("b = a is not x", {"b = a is x"}),
        ("b = a and (x or 1)", {"b = True and (x or 1)", "b = a and (True)", "b = a and (False or 1)"}
            | {"b = a and (x or False)", "b = a and (x or 2)"}),
        ("if not a: b = x", {"if True: b = x", "if False: b = x", "if a: b = x"}),
        ("b = [x for x in a if x]", {"b = [x for x in a if True]"}),
        ("b = min(a, x)", {"b = max(a, x)"}),
        ("b = sorted(a, key=x)", {"b = (a)", "b = sorted(a)"}),
        ("b = g(x=a)", {"b = g()"}),
        ("a.b = x", {"pass"}),
        ("a += 1", {"pass", "a -= 1", "a += 2"}),
        ("raise a", {"pass"}),
        ("return True", {"return None", "return False"}),
        ("return False", {"return True"}),
        ("return None", set()),
        ("b = await_(a.strip())", {"b = await_(a)"}),
        ("b = f'{a + 1}' + 'text'", {"b = f'{a + 1}' - 'text'"}),
        ("log.info('told', extra=a)", set()),
        ("b: dict[str, int] = x", set()),
    ],
)  # fmt: skip
def test_each_edit_is_one_small_change(line: str, becomes: set[str]) -> None:
    assert within(line) == becomes


def test_a_table_loses_its_rows_one_by_one() -> None:
    assert made("T = {'a': x, 'b': y}\n") == {"T = {'b': y}\n", "T = {'a': x}\n"}


def test_an_edit_knows_whether_it_acts_when_its_module_is_loaded() -> None:
    source = b"A = True\nB = 5.0\ndef f(x=2):\n    return 3\n"
    assert [(each.line, each.loading) for each in mutants("a.py", source)] == [
        (1, True),
        (3, False),  # in the function whose parameter it is
        (4, False),
        (4, False),
    ]


def test_a_statement_is_reached_by_its_own_lines_and_not_by_those_inside_of_it() -> None:
    source = b"def f(a):\n    if (\n        a\n        and g\n    ):\n        h()\n"
    assert {each.lines for each in mutants("a.py", source)} == {(2, 3, 4, 5), (6,)}
    source = b"def f(\n    a=1\n):\n    h(a)\n"
    assert {each.lines for each in mutants("a.py", source)} == {(1, 2, 3, 4), (4,)}


SOURCE = b"def f(a, b):\n    return a < b\n"
MUTANT = Mutant("a.py", 2, (2,), False, (SOURCE.index(b"<"), SOURCE.index(b"<") + 1, "<="))


@pytest.mark.parametrize(
    ("word", "tests_changed", "is_known"),
    [
        ("killed", False, True),
        ("killed", True, True),
        ("survived", False, True),
        ("survived", True, False),
        ("stuck", False, False),
    ],
)
def test_who_lived_is_asked_about_again_when_the_tests_have_changed(
    tmp_path: Path, word: str, tests_changed: bool, is_known: bool
) -> None:
    kept = tmp_path / "tried.jsonl"
    tried = Ledger(kept, "these tests").add(MUTANT, SOURCE, Verdict(word, 3))
    kept.touch()  # what is stuck is not written: it is tried again
    again = Ledger(kept, "other tests" if tests_changed else "these tests")
    assert again.known(MUTANT, SOURCE) == (tried if is_known else None)
    assert again.known(MUTANT, SOURCE + b"\n") is None


def test_what_is_judged_is_counted_and_not_shown() -> None:
    lived = entry(MUTANT, SOURCE, Verdict("survived", 3, 1))
    assert (
        lived.told() == "a.py:2  survived, 3 tests, 1 more too dear\n    - return a < b\n    + return a <= b"
    )
    judgement = Judgement("a.py", "return a < b", ("return a <= b",), "they are never equal")
    assert summary([lived], [judgement]) == ("1 tried: 1 judged", [])
    assert summary([lived], []) == ("1 tried: 1 survived", [lived])


def test_the_dearest_tests_are_left_out_and_one_is_always_asked() -> None:
    dear, cheap = Test("dear", ENOUGH + 1, 1.0), Test("cheap", ENOUGH, 1.0)
    assert affordable([cheap, dear]) == [cheap]
    assert affordable([dear]) == [dear]
    assert affordable([]) == []


def test_what_was_judged_still_stands_in_its_file() -> None:
    """Else it would be read as said of something that nobody has looked at."""
    for each in judged():
        lines = [line.strip() for line in (SOURCES / each.file).read_text().splitlines()]
        assert each.was in "\n".join(lines), f"{each.file}: {each.was}"
        assert each.why
