"""Whether any test notices a mutant: it stands in the copy while the tests that reach it run, and then its file is put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mutants.child import CPU_SPENT, NEVER_ENDED, tested
from mutants.operators import Mutant
from mutants.tree import KEPT, SOURCES

ENOUGH = 10.0
"""seconds of processor time that the tests of one mutant may need; the dearest are left out beyond that, and counted"""

KILLED, ENDLESS, STUCK, SURVIVED, UNREACHED = "killed", "endless", "stuck", "survived", "unreached"

PASSED = 0
"""pytest's exit code"""


@dataclass(frozen=True, slots=True)
class Test:
    __test__ = False
    name: str
    """as pytest calls it"""
    cpu: float
    """seconds of processor time, with what it started"""
    wall: float


@dataclass(frozen=True, slots=True)
class Verdict:
    word: str
    tests: int = 0
    """that ran, or would have, had not one noticed before"""
    too_dear: int = 0
    """others that reach the mutant, and were left out"""


def tried(mutant: Mutant, source: bytes, tests: Sequence[Test]) -> Verdict:
    """What the tests say of it. `source` is its file as it is."""
    chosen = affordable(tests)
    if not chosen:
        return Verdict(UNREACHED)
    file = SOURCES / mutant.file
    file.write_bytes(mutant.applied(source))
    try:
        # The room's own first and by themselves: they mostly notice, and the others needn't even be loaded then.
        own = [test for test in chosen if test.name.startswith(room(mutant.file))]
        code = _run(own) or _run(chosen[len(own) :])
    finally:
        file.write_bytes(source)
    return Verdict(_word(code), len(chosen), len(tests) - len(chosen))


def pass_by_themselves(tests: Sequence[Test]) -> bool:
    """Whether they pass without any mutant: else a verdict would say nothing."""
    return _run(affordable(tests)) == PASSED


def affordable(tests: Sequence[Test]) -> list[Test]:
    """As many as may run, in their order, and one at least."""
    chosen: list[Test] = []
    spent = 0.0
    for test in tests:
        if not chosen or spent + test.cpu <= ENOUGH:
            chosen.append(test)
            spent += test.cpu
    return chosen


def room(file: str) -> str:
    """The folder of the tests that are a source's own."""
    return f"tests/{file.partition('/')[0]}/"


def _run(tests: Sequence[Test]) -> int:
    """pytest's exit code, or one of child's.

    No slow machine reaches the limits: the measure was taken under coverage, which makes all slower.
    """
    if not tests:
        return PASSED
    cpu = 20 + 5 * sum(test.cpu for test in tests)
    wall = 60 + 20 * sum(test.wall for test in tests)
    names = [test.name for test in tests]
    return tested(["-x", *names], KEPT / "last.out", cpu, wall, plugin=None, writes=False)


def _word(code: int) -> str:
    if code == PASSED:
        return SURVIVED
    if code == CPU_SPENT:
        return ENDLESS
    if code == NEVER_ENDED:
        return STUCK
    return KILLED
