"""Changes the sources a little, one change at a time, and tells which changes no test notices: `make mutants`.

    make mutants MODULES="plan/turns.py sources" MINUTES=20 SEED=7

Mutants are drawn from the modules in an order that the seed gives; the next run goes on where this one ended. Who lived is told,
and written to .cache/mutants/survivors.txt: read each, and write the test that it shows to be missing, or say in judged.yaml why
it is no other behaviour.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from mutants import child, tree
from mutants.ledger import Entry, Ledger, judged, summary
from mutants.operators import Mutant, is_another, mutants
from mutants.reach import Reach
from mutants.trial import pass_by_themselves, tried

ROOMS = ("api", "plan", "sources", "cli")


def say(words: str, end: str = "\n") -> None:
    sys.stdout.write(words + end)
    sys.stdout.flush()


def drawn(modules: list[str], seed: int) -> list[tuple[Mutant, bytes]]:
    """All mutants of the modules (files, rooms, or `file:line`), in the order of the seed."""
    found = [(mutant, source) for module in modules for mutant, source in _of(module)]
    random.Random(seed).shuffle(found)
    return found


def _of(module: str) -> Iterator[tuple[Mutant, bytes]]:
    name, _, line = module.partition(":")
    path = tree.SOURCES / name
    if not path.exists():
        raise SystemExit(f"there is no {name} in controller/trainmaster")
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        source = file.read_bytes()
        found = mutants(str(file.relative_to(tree.SOURCES)), source)
        yield from ((each, source) for each in found if not line or each.line == int(line))


def measured() -> Reach:
    reach = Reach()
    for known, of in reach.measure():
        say(f"\rwhich tests reach which lines: {known} of {of} files", end="")
    say("")
    return reach


def sound(wanted: list[tuple[Mutant, bytes]], reach: Reach) -> None:
    """Before anything is said of mutants: some tests that would be asked pass without one."""
    for mutant, _ in wanted[:100]:
        tests = reach.tests(mutant.file, mutant.lines, mutant.loading)
        if tests:
            if not pass_by_themselves(tests):
                raise SystemExit(f"the tests fail without any mutant: see {tree.KEPT / 'last.out'}")
            return


def hunted(wanted: list[tuple[Mutant, bytes]], reach: Reach, ledger: Ledger, seconds: float) -> list[Entry]:
    """Try them until the time is over; with what is known of them already."""
    end, entries = time.monotonic() + seconds, []
    for mutant, source in wanted:
        known = ledger.known(mutant, source)
        if known is None and (time.monotonic() > end or not is_another(mutant, source)):
            continue
        if known is None:
            tests = reach.tests(mutant.file, mutant.lines, mutant.loading)
            known = ledger.add(mutant, source, tried(mutant, source, tests))
        entries.append(known)
        say(f"\r{len(entries)} tried, {sum(each.word == 'survived' for each in entries)} survived", end="")
    say("")
    return entries


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "modules", nargs="*", default=ROOMS, help="below controller/trainmaster; also file:line"
    )
    parser.add_argument("--minutes", type=float, default=20, help="after the tests have been measured")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tree.alone():
        _run(list(asked.modules), asked.seed, asked.minutes)
    return 0


def _run(modules: list[str], seed: int, minutes: float) -> None:
    tree.refreshed()
    child.warmed()
    reach = measured()
    ledger = Ledger(tree.KEPT / "tried.jsonl", tree.digest([*tree.test_files(), *tree.helping_files()]))
    wanted = drawn(modules, seed)
    sound(wanted, reach)
    entries = hunted(wanted, reach, ledger, minutes * 60)
    numbers, open_ones = summary(entries, judged())
    told = "\n".join([*(each.told() for each in open_ones), numbers])
    (tree.KEPT / "survivors.txt").write_text(told + "\n")
    say(told)


if __name__ == "__main__":
    raise SystemExit(main())
