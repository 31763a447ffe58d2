"""What an end of a process means: an ordered table, first match wins, a reason on each row.

The numbers are Hadoop's ContainerExitStatus; 128 + n is a signal, as the shell counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from trainmaster.api.job import RestartPolicy
from trainmaster.plan.memory import Cause

PORT_TAKEN = 75
"""EX_TEMPFAIL of sysexits: our own exit code of a replica that found its port taken"""
NOT_UNDERSTOOD = 70
"""EX_SOFTWARE: our own exit code of a launcher that could not unpack its script"""

NOT_KNOWN = -9999
"""our own word for an end whose exit status nobody can tell any more: it ran, and its NodeManager has forgotten how it ended"""
NOT_THERE = -9998
"""our own word for a container that neither YARN nor its NodeManager knows: it was never started there, or they lost it"""

OURS = frozenset({-105, -107})
LOST_NODE = frozenset({-100, -101, -102, -106, -108})
LOST_BY_NODE = 154
"""ContainerExecutor.ExitCode.LOST: its NodeManager was restarted while it launched it, and found no process"""
NEVER_RAN = -1000
OVER_MEMORY = frozenset({-103, -104})
LAUNCH_REFUSED = frozenset({-1, -109, NOT_UNDERSTOOD})

CHARGED = frozenset({Cause.MEMORY, Cause.REFUSED, Cause.PERMANENT, Cause.RETRYABLE, Cause.UNKNOWN})
"""causes that count against the user's restart budget"""

WORDS = {
    -100: "its node was lost or YARN took the container back",
    -101: "the disks of its node failed",
    -102: "YARN preempted it",
    -103: "it used more virtual memory than it may",
    -104: "it used more memory than it asked for",
    -105: "it was stopped",
    -106: "the ResourceManager stopped it",
    -107: "it was stopped after the end of the application",
    -108: "its logs grew beyond the NodeManager's limit",
    -109: "YARN could not verify it",
    -1000: "it never ran",
    LOST_BY_NODE: "its NodeManager was restarted while it was launched, and lost it (exit code 154)",
    NOT_KNOWN: "it has ended, and nobody knows any more how",
    NOT_THERE: "neither YARN nor its node knows it: it never started, or they lost it",
    -1: "YARN refused to launch it",
    NOT_UNDERSTOOD: "its launcher could not unpack its script (or it ended with exit code 70)",
    PORT_TAKEN: "its port was taken (exit code 75)",
}


@dataclass(frozen=True, slots=True)
class Row:
    matches: Callable[[int, RestartPolicy], bool]
    cause: Cause
    why: str


TABLE = (
    Row(lambda c, _: c in OURS, Cause.STOPPED, "we stopped it, so it is no failure"),
    Row(lambda c, _: c in LOST_NODE, Cause.INFRASTRUCTURE, "node and scheduler are not the user's doing"),
    Row(
        lambda c, _: c == LOST_BY_NODE,
        Cause.INFRASTRUCTURE,
        "its NodeManager died in the middle of launching it",
    ),
    Row(lambda c, _: c in OVER_MEMORY, Cause.MEMORY, "the same size would fail again, so the user pays"),
    Row(lambda c, _: c == NEVER_RAN, Cause.INFRASTRUCTURE, "nothing of the user's ran: try another node"),
    Row(lambda c, _: c == NOT_THERE, Cause.INFRASTRUCTURE, "YARN lost it, started or not"),
    Row(
        lambda c, _: c == NOT_KNOWN,
        Cause.INFRASTRUCTURE,
        "a NodeManager forgets an end that nobody took in only where YARN had given the container away before",
    ),
    Row(lambda c, _: c == PORT_TAKEN, Cause.PORT_TAKEN, "we chose the port, so we pay"),
    Row(lambda c, _: c in LAUNCH_REFUSED, Cause.REFUSED, "what was to be launched is at fault"),
    Row(lambda c, _: c == 0, Cause.SUCCEEDED, "it did what it should"),
    Row(
        lambda c, policy: 1 <= c <= 127 and policy is RestartPolicy.EXIT_CODE,
        Cause.PERMANENT,
        "the program itself said that trying again is useless",
    ),
    Row(lambda c, _: signal_of(c) > 0, Cause.RETRYABLE, "a signal comes from outside the program"),
    Row(lambda c, _: c > 0, Cause.RETRYABLE, "the policy says that failures are tried again"),
    Row(lambda _c, _p: True, Cause.UNKNOWN, "nobody knows, and endless retries would be worse"),
)


def signal_of(code: int) -> int:
    """The signal that an exit status tells of, as the shell counts: 129 to 192 are 128 + n (signal(7) ends at 64); else 0."""
    return code - 128 if 129 <= code <= 192 else 0


def classify(code: int, policy: RestartPolicy) -> Cause:
    """The cause of an end with this exit status."""
    return next(row.cause for row in TABLE if row.matches(code, policy))


def describe(code: int, diagnostics: str = "") -> str:
    """A sentence for people: our words for the code, and YARN's own where it has some."""
    if code in WORDS:
        said = WORDS[code]
    elif signal_of(code):
        said = f"signal {signal_of(code)} ended it (exit code {code})"
    else:
        said = f"exit code {code}"
    tail = last_words(diagnostics)
    return f"{said}: {tail}" if tail and code < 0 else said


STAMP = re.compile(r"^\[\d{4}-\d\d-\d\d [\d:.]+\]")
"""a NodeManager's time before each part of its diagnostics (ContainerImpl.addDiagnostics)"""


def last_words(diagnostics: str) -> str:
    """The first telling line of YARN's diagnostics, at most 300 characters: stack traces help nobody in a status."""
    lines = (STAMP.sub("", line.strip()) for line in diagnostics.splitlines())
    useful = [
        line
        for line in lines
        if line and not line.startswith(("at ", "[", "Exception from", "Container id:", "Exit code:"))
    ]
    return useful[0][:300] if useful else diagnostics.strip()[:300]


def first_cause_first(code: int) -> int:
    """Sort key for ends heard together: YARN's own words explain a gang's death better than signals, those better than exits."""
    return 0 if code < 0 else 1 if signal_of(code) else 2
