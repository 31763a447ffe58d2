"""What a run of a job is at, and since when: one phase follows on the other, from when it was queued until it is closed.

They are shown as a trace, and never decided on. They are kept in the job's record and ride along with other news, so whoever
takes the job up goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable

from trainmaster.plan.case import Case
from trainmaster.plan.container import ContainerState
from trainmaster.plan.memory import Memory, replace
from trainmaster.plan.phase import Phase, Since

MOST = 64
"""phases of one run; of more the oldest become one"""
LONGEST = 200
"""letters of a reason"""


def with_phase(memory: Memory, state: str, now: float, bringing: Callable[[Memory], bool]) -> Memory:
    """The memory after a decision, which shows this state, with the phase that it is in; `bringing` is asked of a job that
    starts."""
    phase, known = _phase(memory, state, bringing), memory.phases
    if memory.finished or memory.expired or (known and known[-1].phase is phase):
        return memory
    if not known:
        known = (Since(Phase.EARLIER, memory.queued_at or now),) if memory.active_since else ()
    began = max(now, known[-1].at) if known else min(memory.queued_at or now, now)
    why = memory.restart_cause[:LONGEST] if phase is Phase.RESTARTING else ""
    return replace(memory, phases=_few((*known, Since(phase, began, why))))


def localising(case: Case, memory: Memory) -> bool:
    """Whether something that was told to start hasn't begun, as its NodeManager says; or nothing has yet."""
    states = {case.state_of(replica) for replica in memory.replicas if replica.bound}
    begun = ContainerState.RUNNING in states or any(replica.done for replica in memory.replicas)
    return ContainerState.STARTING in states or not begun


def _phase(memory: Memory, state: str, bringing: Callable[[Memory], bool]) -> Phase:
    if memory.suspended and not memory.verdict:
        return Phase.SUSPENDED
    if memory.verdict or memory.closing_since:
        return Phase.STOPPING
    if state == Phase.RESTARTING:
        return Phase.RESTARTING
    if memory.gathering:
        return Phase.GATHERING if memory.gang_since else Phase.QUEUED
    if memory.started_at:
        return Phase.RUNNING
    return Phase.LOCALISING if bringing(memory) else Phase.STARTING


def _few(phases: tuple[Since, ...]) -> tuple[Since, ...]:
    return phases if len(phases) <= MOST else (Since(Phase.EARLIER, phases[0].at), *phases[2:])
