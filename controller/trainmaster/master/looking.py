"""From a master's sight to the frozen Seen that a decision is made of."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.master import clock
from trainmaster.master.desk import Desk
from trainmaster.master.heartbeat import Heart
from trainmaster.master.sight import Sight
from trainmaster.plan.admission import no_room
from trainmaster.plan.case import Case
from trainmaster.plan.decide import last_good
from trainmaster.plan.memory import Memory
from trainmaster.plan.turns import Waiting
from trainmaster.plan.values import AppState, Seen, Size


def seen_by(desk: Desk, declared: Declared, memory: Memory, sight: Sight, heart: Heart | None) -> Seen:
    """Everything known of one job now."""
    job = last_good(memory) or declared.job
    queue = memory.application.queue if memory.application else job.spec.queue if job else ""
    seen = Seen(
        application=sight.state,
        application_words=sight.words,
        containers=dict(sight.containers),
        ends=sight.ends,
        cluster=desk.cluster.of_queue(queue),
        taken_ports=desk.ports.of_others(memory.uid),
        job_page=desk.job_page(declared),
        denied=desk.policy(declared, declared.job or job) if job else "",
        refused_asks={heart.wanted[n].key: words for n, words in heart.refused.items()} if heart else {},
    )
    return replace(seen, may_ask=_may_ask(desk, declared, memory, job, seen)) if job else seen


def _may_ask(desk: Desk, declared: Declared, memory: Memory, job: TrainingJob, seen: Seen) -> bool:
    """Stand in line while a gang is to be gathered, and only then."""
    wants = memory.gathering and not memory.closing_since and seen.application is AppState.REGISTERED
    if not wants or clock.now() < memory.gang_not_before:
        desk.line.leave(memory.uid)
        return not memory.gathering
    case = Case(declared, job, seen, clock.now(), desk.limits)
    missing = (
        case.size(r.key) for r in memory.replicas if r.key.role in job.spec.roles and not case.granted(r)
    )
    needs = sum(missing, Size()) if memory.replicas else case.total
    possible = not no_room(case)
    return desk.line.join(Waiting(memory.uid, memory.queued_at, job.spec.priority, needs, possible))
