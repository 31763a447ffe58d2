"""What an end is called to a person: a sentence for each exit code, with YARN's or the process's own words, and the cure.

Never here: what an end means (classify.py).
"""

from __future__ import annotations

import re

from trainmaster.plan.classify import (
    HUNG,
    ITS_OWN,
    LOST_BY_NODE,
    NO_FILE,
    NODE_UNFIT,
    NOT_EXECUTABLE,
    NOT_FOUND,
    NOT_KNOWN,
    NOT_THERE,
    NOT_UNDERSTOOD,
    PORT_TAKEN,
    signal_of,
)
from trainmaster.plan.last_words import failed_check, last_words, missing_script, stderr_of

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
    -1000: "it never ran, and YARN doesn't say why",
    LOST_BY_NODE: "its NodeManager was restarted while it was launched, and lost it (exit code 154)",
    NOT_KNOWN: "it has ended, and nobody knows any more how",
    NOT_THERE: "neither YARN nor its node knows it: it never started, or they lost it",
    NO_FILE: "one of its files can't be had",
    HUNG: "it was stopped, since it hung",
    -1: "YARN refused to launch it",
    NOT_UNDERSTOOD: "its launcher could not unpack its script (or it ended with exit code 70)",
    PORT_TAKEN: "its port was taken (exit code 75)",
}


def describe(code: int, diagnostics: str = "", node: str = "") -> str:
    """A sentence for people: our words for the code, and YARN's own or the last ones of the process, where they say more."""
    if node and code in (-100, -101):
        return f"YARN calls its node {node}"
    if code < 0 and (cure := _of_user(diagnostics)):
        return cure
    if code < 0 or code in WORDS:
        said, tail = WORDS.get(code, f"exit code {code}"), last_words(diagnostics) if code < 0 else ""
    elif code == NODE_UNFIT and (how := failed_check(diagnostics)):
        return f"its node failed: nodeCheck {how}"
    elif signal := signal_of(code):
        said = f"signal {signal} ended it (exit code {code})"
        tail = stderr_of(diagnostics) if signal in ITS_OWN else ""
    else:
        return _exited(code, stderr_of(diagnostics))
    return f"{said.removesuffix(SAYS_NOTHING)}: {tail}" if tail else said


SAYS_NOTHING = ", and YARN doesn't say why"
_SWITCHED = "since the LinuxContainerExecutor runs processes as their users"
_USERS = (
    (
        re.compile(r"^User (\S+) not found$", re.MULTILINE),
        f"its node knows no user {{}}: whoever has jobs must be known to every NodeManager's machine, {_SWITCHED}",
    ),
    (
        re.compile(r"^Requested user (\S+) is banned$", re.MULTILINE),
        f"its node lets nothing run as {{}}: banned.users in its container-executor.cfg, {_SWITCHED}",
    ),
    (
        re.compile(r"^Requested user (\S+) is not whitelisted and has id", re.MULTILINE),
        f"its node lets nothing run as {{}}: min.user.id and allowed.system.users in its container-executor.cfg, {_SWITCHED}",
    ),
)
"""what container-executor.c says of a user whom it can't become (check_user), and the cure"""


def _of_user(diagnostics: str) -> str:
    """Why its node won't run anything as this user; empty where that isn't it."""
    return next((cure.format(who[1]) for found, cure in _USERS if (who := found.search(diagnostics))), "")


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
