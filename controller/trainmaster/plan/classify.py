"""What an end of a process means: an ordered table, first match wins, a reason on each row.

The numbers are Hadoop's ContainerExitStatus; 128 + n is a signal, as the shell counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV

from trainmaster.api.job import RestartPolicy
from trainmaster.plan.ends import Cause
from trainmaster.plan.last_words import last_words, missing_script, names_missing, stderr_of

PORT_TAKEN = 75
"""EX_TEMPFAIL of sysexits: our own exit code of a replica that found its port taken"""
NOT_UNDERSTOOD = 70
"""EX_SOFTWARE: our own exit code of a launcher that could not unpack its script"""
STALE = 76
"""EX_PROTOCOL: our own exit code of what an order of before would have begun, which was late on its way to the NodeManager. No
first process of a container can meet it, so there it is the program's own"""

NOT_KNOWN = -9999
"""our own word for an end whose exit status nobody can tell any more: it ran, and its NodeManager has forgotten how it ended"""
NOT_THERE = -9998
"""our own word for a container that neither YARN nor its NodeManager knows: it was never started there, or they lost it"""
NO_FILE = -9997
"""our own word for a start that can't be: one of its `files` isn't there, or may not be used"""
HUNG = -9996
"""our own word for the end of what made no step for as long as progressDeadline allows, and is stopped for it"""
NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""bash's own exit codes for a command that it can't execute, or find (bash(1), EXIT STATUS)"""
ITS_OWN = frozenset({SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV})
"""signals that a process mostly brings upon itself: what it wrote last says why"""

OURS = frozenset({-105, -107})
LOST_NODE = frozenset({-100, -101, -102, -106, -108})
LOST_BY_NODE = 154
"""ContainerExecutor.ExitCode.LOST: its NodeManager was restarted while it launched it, and found no process"""
NEVER_RAN = -1000
OVER_MEMORY = frozenset({-103, -104})
TERMINATED = frozenset({137, 143})
"""128 + SIGKILL and SIGTERM: how a process ends that its NodeManager has told to go (ContainerExecutor.ExitCode)"""
LAUNCH_REFUSED = frozenset({-1, -109, NOT_UNDERSTOOD})
NODE_LACKS = "ResourceHandlerChain.preStart() failed"
"""how a NodeManager says that it has no GPUs left, or can make no cgroup, for a container that YARN has placed there
(LinuxContainerExecutor.handleLaunchForLaunchType)"""

CHARGED = frozenset(
    {
        Cause.MEMORY,
        Cause.REFUSED,
        Cause.CANNOT_RUN,
        Cause.PERMANENT,
        Cause.RETRYABLE,
        Cause.HANG,
        Cause.UNKNOWN,
    }
)
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
    NO_FILE: "one of its files can't be had",
    HUNG: "it was stopped, since it hung",
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
    Row(
        lambda c, _: c in (NO_FILE, NOT_FOUND, NOT_EXECUTABLE),
        Cause.CANNOT_RUN,
        "what it is to run isn't there, and trying again brings it from nowhere",
    ),
    Row(
        lambda c, _: c == HUNG,
        Cause.HANG,
        "a process that goes on for ever without a step is no better than none",
    ),
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


def lacked_by_node(code: int, diagnostics: str) -> bool:
    """Whether its node couldn't give a container what YARN had promised: no other reason of a refused launch is the node's."""
    return code == -1 and NODE_LACKS in diagnostics


def classify(code: int, policy: RestartPolicy) -> Cause:
    """The cause of an end with this exit status."""
    return next(row.cause for row in TABLE if row.matches(code, policy))


def lacks_file(code: int, diagnostics: str, input_path: str) -> bool:
    """Whether a process ended by itself because its script, or what it was to read, isn't there."""
    words = stderr_of(diagnostics) if 1 <= code <= NOT_FOUND else ""
    return bool(missing_script(words)) or names_missing(words, input_path)


def describe(code: int, diagnostics: str = "") -> str:
    """A sentence for people: our words for the code, and YARN's own or the last ones of the process, where they say more."""
    if code < 0 or code in WORDS:
        said, tail = WORDS.get(code, f"exit code {code}"), last_words(diagnostics) if code < 0 else ""
    elif signal := signal_of(code):
        said = f"signal {signal} ended it (exit code {code})"
        tail = stderr_of(diagnostics) if signal in ITS_OWN else ""
    else:
        return _exited(code, stderr_of(diagnostics))
    return f"{said}: {tail}" if tail else said


NO_COMMAND = re.compile(r"^(.+): command not found$")
NO_PROGRAM = re.compile(r"^(.+): No such file or directory$")
NO_RIGHT = re.compile(r"^(.+): Permission denied$")


def _exited(code: int, words: str) -> str:
    """Of what can't be found or executed, with the cure."""
    where = "is it in `files`, or on the nodes?"
    if code == NOT_FOUND and (name := NO_COMMAND.match(words)):
        return f"command not found: {name[1]} (exit code {code}); {where}"
    if code == NOT_FOUND and (name := NO_PROGRAM.match(words)):
        return f"no such file: {name[1]} (exit code {code}); {where}"
    if code == NOT_EXECUTABLE and (name := NO_RIGHT.match(words)):
        cure = "name its interpreter (bash, python), for files that YARN brings have no right to be executed"
        return f"not executable: {name[1]} (exit code {code}); {cure}"
    if script := missing_script(words):
        return f"no such file: {script} (exit code {code}); {where}"
    said = f"exit code {code}"
    if code == NOT_FOUND:
        said = f"{said}, by which bash says that a command was not found"
    return f"{said}: {words}" if words else said


def first_cause_first(code: int) -> int:
    """Sort key for ends heard together: YARN's own words explain a gang's death better than signals, those better than exits."""
    own = code in (NOT_FOUND, NOT_EXECUTABLE)  # of which no process dies because a neighbour did
    return 0 if code < 0 else 1 if own or signal_of(code) else 2
