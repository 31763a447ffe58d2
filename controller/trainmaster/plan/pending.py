"""Which ends are not judged yet: when one process of a gang dies, its peers die of it, and theirs may be heard
first; and who can't read the declaration can judge nothing.

Lives here: how long, and for whom, a failure waits. What it means then is judge.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from signal import SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV

from trainmaster.api.job import RestartScope
from trainmaster.plan.case import Case
from trainmaster.plan.classify import signal_of
from trainmaster.plan.memory import End, Memory

ROOTS = frozenset({SIGILL, SIGBUS, SIGFPE, SIGKILL, SIGSEGV})
"""signals of which no process dies because a neighbour did: frameworks end by an exit, SIGABRT or SIGTERM then"""


def news(memory: Memory, ends: Iterable[End]) -> list[End]:
    """Those of these ends that don't wait already: YARN may tell of one more than once."""
    known = {e.container for e in memory.pending_ends}
    return [e for e in ends if e.container not in known]


def to_wait_for(case: Case, memory: Memory, ends: Sequence[End]) -> tuple[End, ...]:
    """Those of these ends that may be consequences of one that was not heard yet.

    Only an exit of the program itself can be one: YARN's own words and some signals name causes. Once all of the generation
    have ended there is nobody to wait for, and after a moment that is long enough for a heartbeat or two nobody is any more.
    """
    if memory.verdict or memory.closing_since or memory.gathering:
        return ()
    bound = {r.container: r.key for r in memory.replicas if r.bound}
    own = [e for e in ends if e.code > 0 and e.container in bound]
    gang = tuple(e for e in own if case.scope(bound[e.container]) is RestartScope.JOB)
    rooted = any(signal_of(e.code) in ROOTS for e in gang)
    if not gang or rooted or len(own) == len(bound) or case.now >= waits_until(case, gang):
        return ()
    return gang


def waits_until(case: Case, ends: Sequence[End]) -> float:
    """When the first of these has been waited with for long enough."""
    return min(e.at for e in ends) + case.limits.first_cause_wait
