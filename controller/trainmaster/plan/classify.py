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
from trainmaster.plan.last_words import failed_check, missing_script, names_missing, stderr_of
from trainmaster.plan.log_patterns import sign_of

PORT_TAKEN = 75
"""EX_TEMPFAIL of sysexits: our own exit code of a replica that found its port taken"""
NOT_UNDERSTOOD = 70
"""EX_SOFTWARE: our own exit code of a launcher that could not unpack its script"""
STALE = 76
"""EX_PROTOCOL: our own exit code of what an order of before would have begun, which was late on its way to the NodeManager. No
first process of a container can meet it, so there it is the program's own"""
NODE_UNFIT = 77
"""EX_NOPERM: our own exit code of a replica whose node failed the job's nodeCheck, where last words of ours go with it
(last_words.failed_check): alone it is the program's own"""

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
GIVEN_AWAY = frozenset({-100, -102, -106})
"""ABORTED, PREEMPTED, KILLED_BY_RESOURCEMANAGER: exit statuses that the ResourceManager itself sets as soon as it has taken a
container back (SchedulerUtils.createAbnormalContainerStatus); its NodeManager hears of it with a later heartbeat, if at all"""
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
        Cause.COMMUNICATION,
        Cause.KILLED,
        Cause.CRASHED,
        Cause.RETRYABLE,
        Cause.HANG,
        Cause.UNKNOWN,
    }
)
"""causes that count against the user's restart budget, where no rule of the job says otherwise"""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an end when it is judged."""

    code: int
    policy: RestartPolicy = RestartPolicy.ON_FAILURE
    words: str = ""
    """YARN's diagnostics, the end of stderr in them"""
    node: str = ""
    """what the ResourceManager last said of its node, where that is out of use"""
    process: int = 1
    """number of the process in its container"""
    input_path: str = ""
    """that of the job"""


@dataclass(frozen=True, slots=True)
class Row:
    matches: Callable[[Told], bool]
    cause: Cause
    why: str


def _of_node(*states: str) -> Callable[[Told], bool]:
    return lambda t: t.code in (-100, -101) and t.node.startswith(states)


def _says(code: Callable[[int], bool], pattern: re.Pattern[str]) -> Callable[[Told], bool]:
    return lambda t: code(t.code) and bool(pattern.search(t.words))


def _speaks_of(cause: Cause) -> Callable[[Told], bool]:
    """Whether the program's own last words tell of it."""
    return lambda t: t.code > 0 and (sign := sign_of(t.words)) is not None and sign.cause is cause


_LOST = re.compile(r"released on a \*lost\* node|its node was lost")
"""SchedulerUtils.LOST_CONTAINER"""
_LOCALIZING = re.compile(
    r"ocaliz|FSDownload|changed on src filesystem|FileNotFoundException|AccessControlException|DiskErrorException"
)
"""how a NodeManager says that it could not bring what a container was to have (ResourceLocalizationService, FSDownload)"""
_BY_NODE = re.compile(
    r"Unable to get local resources when Container \S+ is at "
    r"|DiskErrorException|any valid local directory|No space left on device"
)
"""what ends a launch before the process, whatever was to be launched (ContainerLaunch.call). The first: a restarted NodeManager
lets what waited for a place start before it has taken in what that is (ContainerScheduler.recoverActiveContainer)"""
_OUT_OF_MEMORY = re.compile(
    r"oom[-_ ]?kill|[Oo]ut of memory: Kill|Memory cgroup out of memory|under oom|OOM", re.ASCII
)
"""how the kernel, a NodeManager (ContainersMonitorImpl) and Docker call it"""

TABLE = (
    Row(lambda t: t.code in OURS, Cause.STOPPED, "we stopped it, so it is no failure"),
    Row(
        _of_node("DECOMMISSIONED", "SHUTDOWN"),
        Cause.NODE_DECOMMISSIONED,
        "somebody took its node out of the cluster",
    ),
    Row(_of_node("UNHEALTHY"), Cause.NODE_UNHEALTHY, "its node said of itself that it is unhealthy"),
    Row(_of_node("LOST", "REBOOTED"), Cause.NODE_LOST, "nobody has heard of its node for too long"),
    Row(_says(lambda c: c == -100, _LOST), Cause.NODE_LOST, "YARN gave its node up"),
    Row(lambda t: t.code == -101, Cause.NODE_UNHEALTHY, "the disks of its node failed"),
    Row(lambda t: t.code == -102, Cause.PREEMPTED, "another queue had a right to its room"),
    Row(lambda t: t.code == -108, Cause.LOGS_TOO_LARGE, "the NodeManager's limit is the operator's"),
    Row(lambda t: t.code in LOST_NODE, Cause.INFRASTRUCTURE, "node and scheduler are not the user's doing"),
    Row(
        lambda t: t.code == LOST_BY_NODE,
        Cause.INFRASTRUCTURE,
        "its NodeManager died in the middle of launching it",
    ),
    Row(lambda t: t.code in OVER_MEMORY, Cause.MEMORY, "the same size would fail again, so the user pays"),
    Row(_says(lambda c: c == 137, _OUT_OF_MEMORY), Cause.MEMORY, "the kernel ended it for its memory"),
    Row(
        _says(lambda c: c == NEVER_RAN, _LOCALIZING),
        Cause.LOCALIZATION_FAILED,
        "its node could not bring its files",
    ),
    Row(lambda t: t.code == NEVER_RAN, Cause.NEVER_RAN, "nothing of the user's ran: try another node"),
    Row(lambda t: t.code == NOT_THERE, Cause.INFRASTRUCTURE, "YARN lost it, started or not"),
    Row(
        lambda t: t.code == NOT_KNOWN,
        Cause.INFRASTRUCTURE,
        "a NodeManager forgets an end that nobody took in only where YARN had given the container away before",
    ),
    Row(
        lambda t: t.code == STALE and t.process > 1,
        Cause.INFRASTRUCTURE,
        "an order of a controller of before, late on its way, ended it",
    ),
    Row(
        lambda t: lacked_by_node(t.code, t.words),
        Cause.INFRASTRUCTURE,
        "its node lacked what YARN had promised",
    ),
    Row(
        _says(lambda c: c == -1, _BY_NODE),
        Cause.INFRASTRUCTURE,
        "its NodeManager was restarted before it launched it, or had no disk to launch it on",
    ),
    Row(lambda t: t.code == PORT_TAKEN, Cause.PORT_TAKEN, "we chose the port, so we pay"),
    Row(
        lambda t: t.code == NODE_UNFIT and bool(failed_check(t.words)),
        Cause.NODE_CHECK,
        "the job's own check says that the node is unfit, before anything of the job ran on it",
    ),
    Row(lambda t: t.code in LAUNCH_REFUSED, Cause.REFUSED, "what was to be launched is at fault"),
    Row(
        lambda t: t.code in (NO_FILE, NOT_FOUND, NOT_EXECUTABLE) or lacks_file(t.code, t.words, t.input_path),
        Cause.CANNOT_RUN,
        "what it is to run isn't there, and trying again brings it from nowhere",
    ),
    Row(
        lambda t: t.code == HUNG,
        Cause.HANG,
        "a process that goes on for ever without a step is no better than none",
    ),
    Row(lambda t: t.code == 0, Cause.SUCCEEDED, "it did what it should"),
    Row(_speaks_of(Cause.GPU_FAULT), Cause.GPU_FAULT, "its last words tell of a GPU that failed"),
    Row(
        lambda t: 1 <= t.code <= 127 and t.policy is RestartPolicy.EXIT_CODE,
        Cause.PERMANENT,
        "the program itself said that trying again is useless",
    ),
    Row(_speaks_of(Cause.COMMUNICATION), Cause.COMMUNICATION, "its last words tell of a peer that was lost"),
    Row(
        lambda t: signal_of(t.code) in ITS_OWN,
        Cause.CRASHED,
        "a signal that a process brings upon itself",
    ),
    Row(lambda t: signal_of(t.code) > 0, Cause.KILLED, "a signal comes from outside the program"),
    Row(lambda t: t.code > 0, Cause.RETRYABLE, "the policy says that failures are tried again"),
    Row(lambda _: True, Cause.UNKNOWN, "nobody knows, and endless retries would be worse"),
)


def signal_of(code: int) -> int:
    """The signal that an exit status tells of, as the shell counts: 129 to 192 are 128 + n (signal(7) ends at 64); else 0."""
    return code - 128 if 129 <= code <= 192 else 0


def lacked_by_node(code: int, diagnostics: str) -> bool:
    """Whether its node couldn't give a container what YARN had promised: no other reason of a refused launch is the node's."""
    return code == -1 and NODE_LACKS in diagnostics


def classify(told: Told) -> Cause:
    """The cause of an end."""
    return next(row.cause for row in TABLE if row.matches(told))


def lacks_file(code: int, diagnostics: str, input_path: str) -> bool:
    """Whether a process ended by itself because its script, or what it was to read, isn't there."""
    words = stderr_of(diagnostics) if 1 <= code <= NOT_FOUND else ""
    return bool(missing_script(words)) or names_missing(words, input_path)
