"""Which ends are not judged yet: when one process of a job dies, its peers die of it, and theirs may be heard
first; and who can't read the declaration can judge nothing.

Lives here: how long, and for whom, a failure waits. What it means then is judge.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from signal import SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV

from trainmaster.api.job import RestartScope
from trainmaster.plan.case import Case
from trainmaster.plan.classify import (
    NOT_EXECUTABLE,
    NOT_FOUND,
    PORT_TAKEN,
    lacks_file,
    signal_of,
)
from trainmaster.plan.ends import Cause, End
from trainmaster.plan.failures import belongs
from trainmaster.plan.first_cause import LAST, first_cause_first
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.ruling import ruling_of
from trainmaster.plan.values import ContainerState

ROOTS = frozenset({SIGILL, SIGBUS, SIGFPE, SIGKILL, SIGSEGV})
"""signals of which no process dies because a neighbour did: frameworks end by an exit, SIGABRT or SIGTERM then"""

TELLS_ITSELF = frozenset({Cause.GPU_FAULT, Cause.NODE_CHECK})


def news(memory: Memory, ends: Iterable[End]) -> list[End]:
    """Those of these ends that don't wait already: YARN may tell of one more than once."""
    known = {e.container for e in memory.pending_ends}
    return [e for e in ends if e.container not in known]


WORDS_OF = 20
"""ends that wait with what YARN said of them: each may turn out to be the first cause, and their words are in the job's record"""


LEFT_OUT = "(left out)"
"""in place of the words of those that are less likely than these"""


def likeliest_cause(end: End) -> tuple[int, float]:
    """Sort key: the likeliest first cause first."""
    return (
        (LAST, end.at)
        if end.diagnostics == LEFT_OUT
        else (first_cause_first(end.code, end.diagnostics), end.at)
    )


def likeliest_in(case: Case, memory: Memory) -> Callable[[End], tuple[int, float]]:
    """The same, with what a rule of the job says of the program's own words before all others."""
    if not case.job.spec.failure_rules:
        return likeliest_cause
    bound = {r.container: r for r in memory.replicas if r.bound}

    def key(end: End) -> tuple[int, float]:
        replica = bound.get(end.container)
        insists = replica is not None and ruling_of(case, replica, end, memory).insists
        return (-1, end.at) if insists else likeliest_cause(end)

    return key


def lightened(ends: Sequence[End]) -> tuple[End, ...]:
    """Ends as they are remembered while they wait."""
    if len(ends) <= WORDS_OF:
        return tuple(ends)
    likely = {end.container for end in sorted(ends, key=likeliest_cause)[:WORDS_OF]}
    return tuple(end if end.container in likely else replace(end, diagnostics=LEFT_OUT) for end in ends)


def to_wait_for(case: Case, memory: Memory, ends: Sequence[End]) -> tuple[End, ...]:
    """Those of these ends that may be consequences of one that was not heard yet.

    Only an exit of the program itself can be one: YARN's own words and some signals name causes. Once all of the job
    have ended there is nobody to wait for, and after a moment that is long enough for a heartbeat or two nobody is any more.
    What can't be started any more is no cause of anything, and let go in the same pass.
    """
    if memory.verdict or memory.closing_since or memory.gathering:
        return ()
    never = ContainerState.UNSTARTABLE
    bound = {r.container: r for r in memory.replicas if r.bound and case.state_of(r) is not never}
    own = [e for e in ends if e.code > 0 and e.container in bound]
    waiting = tuple(e for e in own if _may_follow(case, memory, bound[e.container], e))
    rooted = any(_explains_itself(case, memory, bound[e.container], e) for e in own)
    if not waiting or rooted or len(own) == len(bound) or case.now >= waits_until(case, waiting):
        return ()
    return waiting


def _may_follow(case: Case, memory: Memory, replica: ReplicaMemory, end: End) -> bool:
    """Save a replica that is simply moved to another port, and one whose first cause is known already."""
    alone = end.code == PORT_TAKEN and case.scope(replica.key) is not RestartScope.JOB
    return not alone and not belongs(case, memory.failure, replica, end)


def _explains_itself(case: Case, memory: Memory, replica: ReplicaMemory, end: End) -> bool:
    """Of these no process ends because a neighbour did."""
    mistaken = end.code in (NOT_FOUND, NOT_EXECUTABLE)
    missing = mistaken or lacks_file(end.code, end.diagnostics, case.job.spec.input_path)
    if missing or signal_of(end.code) in ROOTS:
        return True
    ruling = ruling_of(case, replica, end, memory)
    return ruling.insists or ruling.cause in TELLS_ITSELF


def waits_until(case: Case, ends: Sequence[End]) -> float:
    """When the first of these has been waited with for long enough."""
    return min(e.at for e in ends) + case.limits.first_cause_wait
