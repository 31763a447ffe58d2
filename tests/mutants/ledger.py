"""What is known of mutants between runs, and how it is told.

A verdict stands as long as its file stays as it was; that of one which lived, as long as the tests do too, since a new one may
notice it. What a person has judged to be no other behaviour stands in judged.yaml, and isn't shown again.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import yaml

from mutants.operators import Mutant
from mutants.trial import KILLED, STUCK, SURVIVED, UNREACHED, Verdict

JUDGED = Path(__file__).with_name("judged.yaml")
FOR_GOOD = {KILLED, "endless"}
"""what more tests don't change"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One mutant as tried: what stood there, and what instead."""

    file: str
    line: int
    was: tuple[str, ...]
    now: tuple[str, ...]
    word: str
    tests: int
    too_dear: int

    def told(self) -> str:
        dear = f", {self.too_dear} more too dear" if self.too_dear else ""
        edits = [f"    - {line}" for line in self.was] + [f"    + {line}" for line in self.now]
        return "\n".join([f"{self.file}:{self.line}  {self.word}, {self.tests} tests{dear}", *edits])


def entry(mutant: Mutant, source: bytes, verdict: Verdict) -> Entry:
    before, after = source.decode().splitlines(), mutant.applied(source).decode().splitlines()
    edits = list(difflib.unified_diff(before, after, n=0, lineterm=""))[3:]
    was, now = (tuple(line[1:].strip() for line in edits if line[0] == sign) for sign in "-+")
    return Entry(mutant.file, mutant.line, was, now, verdict.word, verdict.tests, verdict.too_dear)


class Ledger:
    def __init__(self, path: Path, tests: str) -> None:
        """Kept in `path`, a line for each mutant. `tests` is the digest of all tests."""
        self._path, self._tests = path, tests
        self._known: dict[str, Entry] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            self._read(json.loads(line))

    def _read(self, told: dict[str, object]) -> None:
        key, tests, fields = str(told.pop("key")), told.pop("by"), told
        read = Entry(**fields | {name: tuple(fields[name]) for name in ("was", "now")})  # type: ignore[arg-type]
        self._known.pop(key, None)
        if read.word in FOR_GOOD or tests == self._tests:
            self._known[key] = read

    def known(self, mutant: Mutant, source: bytes) -> Entry | None:
        return self._known.get(_key(mutant, source))

    def add(self, mutant: Mutant, source: bytes, verdict: Verdict) -> Entry:
        """Written at once, so that a run may be ended at any time."""
        key, tried = _key(mutant, source), entry(mutant, source, verdict)
        if verdict.word != STUCK:
            with self._path.open("a") as file:
                file.write(json.dumps({"key": key, "by": self._tests} | asdict(tried)) + "\n")
        self._known[key] = tried
        return tried


def _key(mutant: Mutant, source: bytes) -> str:
    start, end, text = mutant.edit
    return f"{sha256(source).hexdigest()[:16]} {mutant.file} {start} {end} {text}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Mutants that a person has read, and why no test should notice them."""

    file: str
    was: str
    now: tuple[str, ...]
    why: str

    def covers(self, tried: Entry) -> bool:
        return (tried.file, "\n".join(tried.was)) == (self.file, self.was) and "\n".join(
            tried.now
        ) in self.now


def judged(path: Path = JUDGED) -> list[Judgement]:
    return [
        Judgement(each["file"], each["was"].strip(), tuple(now.strip() for now in each["now"]), each["why"])
        for each in yaml.safe_load(path.read_text()) or []
    ]


def summary(tried: Iterable[Entry], judgements: Iterable[Judgement]) -> tuple[str, list[Entry]]:
    """The numbers, and those who lived and were not judged yet, by file and line."""
    tried, judgements = list(tried), list(judgements)
    words = Counter(each.word for each in tried)
    lived = [each for each in tried if each.word == SURVIVED]
    unjudged = [each for each in lived if not any(one.covers(each) for one in judgements)]
    words[SURVIVED], words["judged"] = len(unjudged), len(lived) - len(unjudged)
    numbers = ", ".join(f"{count} {word}" for word, count in words.items() if count)
    open_ones = unjudged + [each for each in tried if each.word in (UNREACHED, STUCK)]
    return f"{len(tried)} tried: {numbers}", sorted(
        open_ones, key=lambda each: (each.word, each.file, each.line)
    )
