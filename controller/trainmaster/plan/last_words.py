"""What a process said last, and what YARN says of its end, as one sentence for people. Pure text.

A NodeManager puts the end of stderr into its diagnostics (ContainerLaunch.handleContainerExitWithFailure;
yarn.nodemanager.container.stderr.tail.bytes, 4096 by default), so nobody need be asked for it. What is quoted is short and
without control characters: it says no more than the log itself does. Never here: what an end means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from trainmaster.printable import printable

LONGEST: Final = 300
"""characters of what is quoted in one sentence"""
KEPT: Final = 2000
"""characters of stderr that are remembered of an end until it is judged: a journal record has one for each replica"""

CHECK: Final = "trainmaster: nodeCheck "
"""how a launch begins to say that a node failed the job's check (master/node_check.py)"""
STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d [\d:.]+\]")
"""a NodeManager's time before each part of its diagnostics (ContainerImpl.addDiagnostics)"""
_TAIL = re.compile(
    r"^(?:\[[\d :.-]{1,40}\] ?)?Last \d{1,9} bytes of (?:(?!stderr)[^\n]){0,80}stderr[^\n]{0,80}:\n",
    re.MULTILINE,
)
"""at the beginning of a line, and bounded: else a process could write what is gone through for long"""
_NEXT = re.compile(r"\n\[\d{4}-\d\d-\d\d [\d:.]+\]|\nLast \d+ bytes of ")
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.")
"""colours and moves of terminals"""
_SHELL = re.compile(r"^(?:/bin/bash: |\./)?\.trainmaster\.sh: (?:line \d+: )?")
"""bash's own words before a complaint: lines of our script, which nobody can see"""
_RAISED = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt|Exit|Fault|NotFound)\b|Caused by: )")
"""the last line of a traceback"""
_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)')
_TELLING = re.compile(
    r"error|fatal|not found|no such|denied|cannot|can't|could not|failed|abort|killed|terminate|exception|fault",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 12
"""last lines among which a telling one is searched for"""
_MISSING = re.compile(
    r"no such file|does not exist|not found|filenotfound|path_not_found|enoent|nosuchkey", re.IGNORECASE
)
_NO_SCRIPT = re.compile(r"can't open file '([^']+)': \[Errno 2\]")
"""python's own complaint about the script it was to run; it then ends with 2 (pymain_run_file)"""


def last_words(diagnostics: str) -> str:
    """The first telling line of YARN's diagnostics: stack traces help nobody in a status."""
    lines = (STAMP.sub("", line.strip()) for line in diagnostics.splitlines())
    useful = [
        line
        for line in lines
        if line and not line.startswith(("at ", "[", "Exception from", "Container id:", "Exit code:"))
    ]
    return useful[0][:LONGEST] if useful else diagnostics.strip()[:LONGEST]


def shortened(diagnostics: str) -> str:
    """As much of the diagnostics of an end as sentences are made of."""
    stderr = _tail(diagnostics)
    if not stderr:
        return diagnostics[:KEPT]
    return f"{last_words(diagnostics)}\nLast {KEPT} bytes of stderr :\n{stderr[-KEPT:]}"


def stderr_of(diagnostics: str) -> str:
    """The most telling of the last lines that the process wrote to stderr; empty where YARN gives none."""
    lines = [_SHELL.sub("", line) for line in _lines(_tail(diagnostics))]
    return _quoted(_exception(lines) or _complaint(lines)) if lines else ""


def stderr_lines(diagnostics: str) -> list[str]:
    """The last lines that the process wrote to stderr, as far as YARN tells them, without bash's own words before them."""
    return [_SHELL.sub("", line) for line in _lines(_tail(diagnostics))]


def failed_check(diagnostics: str) -> str:
    """What a launch said last of a nodeCheck that its node failed, and what that said; empty where there is no word of one."""
    *before, last = stderr_lines(diagnostics) or [""]
    how = last.removeprefix(CHECK)
    if how == last:
        return ""
    said = _quoted(_exception(before) or _complaint(before)) if before else ""
    return f"{how}: {said}" if said else how


def raised(lines: Sequence[str]) -> str:
    """The last line that ends a traceback, without what stands around it; empty where none does."""
    at = _raised_at(lines)
    return lines[at].strip() if at is not None else ""


def place_of(lines: Sequence[str]) -> str:
    """train.py:88 of the last frame that a traceback names; empty where none does."""
    name, line = _frame(lines)
    return f"{name}:{line}" if name else ""


def names_missing(words: str, path: str) -> bool:
    """Whether these words say that this path, or something below it, isn't there."""
    bare = re.sub(r"^[a-zA-Z][\w+.-]*://[^/]*", "", path).rstrip("/")
    found = re.search(rf"{re.escape(bare)}(?![\w.-])", words) if bare else None
    return bool(found and _MISSING.search(words))


def missing_script(words: str) -> str:
    """The script that python could not find; empty where it says nothing of the kind."""
    found = _NO_SCRIPT.search(words)
    return found[1].rpartition("/")[2] if found else ""


@lru_cache(512)  # several questions are asked of each end, one after the other
def _tail(diagnostics: str) -> str:
    """The last piece of stderr that is quoted."""
    *_, last = (0, *(found.end() for found in _TAIL.finditer(diagnostics)))
    return _NEXT.split(diagnostics[last:], maxsplit=1)[0] if last else ""


def _lines(text: str) -> list[str]:
    """Progress bars go back to the beginning of a line: each of their states is one."""
    pieces = (_plain(piece).rstrip() for piece in re.split(r"[\r\n]+", text))
    return [piece for piece in pieces if piece.strip()]


def _plain(text: str) -> str:
    """Without control characters, and those that turn the direction of writing."""
    if text.isprintable():
        return text
    return printable(_ESCAPE.sub("", text).replace("\a", ""))


def _raised_at(lines: Sequence[str]) -> int | None:
    return next((i for i in reversed(range(len(lines))) if _RAISED.match(lines[i])), None)


def _frame(lines: Sequence[str]) -> tuple[str, str]:
    """File and line of the last frame that is named; empty where none is."""
    frame = next((found for line in reversed(lines) if (found := _FRAME.match(line))), None)
    return (frame[1].rpartition("/")[2], frame[2]) if frame else ("", "")


def _exception(lines: Sequence[str]) -> str:
    """The exception that a traceback ends with, and where it was raised."""
    at = _raised_at(lines)
    if at is None:
        return ""
    said, (name, line) = lines[at].strip()[:LONGEST], _frame(lines[:at])
    return f"{said} ({name}, line {line})" if name else said


def _complaint(lines: Sequence[str]) -> str:
    """The last line that sounds like trouble; else the last one."""
    near = lines[-_LOOKED_AT:]
    return next((line for line in reversed(near) if _TELLING.search(line)), near[-1]).strip()


def _quoted(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
