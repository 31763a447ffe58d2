"""What a process told when it was asked for its stacks, as part of a sentence. Pure text.

Python's faulthandler writes "Current thread 0x… (most recent call first):" and a line for each call; the thread that took the
signal comes last, and is the main one unless it has it blocked. Never here: the asking (master/stacks.py).
"""

from __future__ import annotations

import re

from trainmaster.printable import printable

CALLS = 3
LONGEST = 60
"""characters of one name"""
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):$", re.MULTILINE)
_CURRENT = "Current thread"
_CALL = re.compile(r'^\s+File "([^"\n]*)", line (\d+) in (.+)$', re.MULTILINE)


def stood_in(text: str) -> str:
    """`wait (train.py, line 12), called by main (train.py, line 40)`; empty where no stack is told."""
    starts = list(_THREAD.finditer(text))
    if not starts:
        return ""
    start = next((each for each in reversed(starts) if each[0].startswith(_CURRENT)), starts[-1])
    after = next((each.start() for each in starts if each.start() > start.start()), len(text))
    calls = _CALL.findall(text[start.end() : after])[:CALLS]
    told = (f"{_short(name)} ({_short(file.rpartition('/')[2])}, line {line})" for file, line, name in calls)
    return ", called by ".join(told)


def _short(name: str) -> str:
    return printable(name.strip())[:LONGEST]
