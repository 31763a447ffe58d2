"""From a master's sight to the frozen Seen that a decision is made of."""

from __future__ import annotations

from dataclasses import replace

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.order import by_stage
from trainmaster.master import clock
from trainmaster.master.desk import LARGE, Desk
from trainmaster.master.heartbeat import Heart
from trainmaster.master.sight import Sight
from trainmaster.plan.admission import container_sizes, gang_size, refusal, unfit
from trainmaster.plan.case import Case, gang_in_doubt
from trainmaster.plan.decide import last_good
from trainmaster.plan.holdings import wanted_of
from trainmaster.plan.input_look import InputLook
from trainmaster.plan.locality import wants_input
from trainmaster.plan.memory import Memory
from trainmaster.plan.order import present_roles
from trainmaster.plan.quotas import QuotaTurn
from trainmaster.plan.restart import kept
from trainmaster.plan.turns import FREE, Turn, Waiting
from trainmaster.plan.values import AppState, Limits, Seen, Size
from trainmaster.plan.wanted import as_wanted

MANY_ENDS = 10
"""ends that take as long to judge as a large job takes to be decided on: the last words of each are looked through for a hundred
patterns, which takes a millisecond or two"""


def seen_by(desk: Desk, declared: Declared, memory: Memory, sight: Sight, heart: Heart | None) -> Seen:
    """Everything known of one job now."""
    job = last_good(memory) or declared.job
    queue = _queue_of(declared, memory, sight)
    seen = Seen(
        application=sight.state,
        application_words=sight.words,
        not_proxy=sight.denied,
        containers=sight.seen,
        ends=sight.ends,
        cluster=desk.cluster.of_queue(queue),
        queue="" if memory.application and not memory.finished else queue,
        taken_ports=desk.ports.of_others(memory.uid),
        gpus=desk.gpus.of(memory.uid),
        reports=desk.reports.of(memory.uid),
        progress=desk.reports.progress(memory),
        checkpoint=desk.checkpoints.of(memory.uid),
        saved_model=desk.saved_models.of(memory.uid),
        stacks=dict(sight.stacks),
        filed=desk.history.filed(memory.uid),
        job_page=desk.job_page(declared),
        suspects=desk.suspects.hosts,
        called=desk.suspects.called_hosts,
        cleared=desk.suspects.cleared,
        denied=desk.policy(declared, declared.job or job) if job else "",
        refused_asks={heart.wanted[n].key: words for n, words in heart.refused.items()} if heart else {},
    )
    if job is None:
        return seen
    lacks, input_ = _lacks(desk, declared, memory, seen), _input(desk, declared, memory, job, seen)
    if lacks or input_:  # of all that is seen three copies would be a part of each pass
        seen = replace(seen, lacks=lacks, input=input_)
    if desk.quotas:
        seen = replace(seen, quota=_quota(desk, declared, memory, job, seen))
    turn = _turn(desk, declared, memory, job, seen)
    return seen if turn == FREE else replace(seen, may_ask=turn.may, turn=turn.words)


def _lacks(desk: Desk, declared: Declared, memory: Memory, seen: Seen) -> str:
    """Which value of its variables isn't there. It is looked for before the job is let in or gathered: so it holds nothing
    meanwhile. Of a process that is to be started in its container the start says it."""
    job = wanted_of(declared, memory)
    nothing = not any(r.bound for r in memory.replicas) and not seen.containers
    if job is None or not (memory.gathering and nothing) or memory.closing_since:
        desk.secrets.rest(memory.uid)
    elif not seen.denied:
        return desk.secrets.look(memory.uid, job, memory.generation, run_by(desk, declared, memory))
    return desk.secrets.lacks(memory.uid)


def _input(desk: Desk, declared: Declared, memory: Memory, job: TrainingJob, seen: Seen) -> InputLook | None:
    """Looked up once the roles that are to be near it are next, since a preparation may make it."""
    stages = by_stage(job.spec)
    roles = stages[memory.stage] if memory.stage < len(stages) else ()
    if memory.verdict or memory.closing_since or seen.denied or not wants_input(job, roles):
        desk.inputs.forget(memory.uid)
        return None
    return desk.inputs.of(memory.uid, job.spec.input_path, run_by(desk, declared, memory), memory)


def _quota(desk: Desk, declared: Declared, memory: Memory, job: TrainingJob, seen: Seen) -> QuotaTurn:
    """Ask for room where there is something to be let in: what can't be for another reason keeps none from others."""
    newest, known = declared.job or job, memory.role_numbers.keys()
    case = Case(declared, newest, seen, clock.now(), desk.limits)
    refused = unfit(case, known) if memory.application else refusal(case, known) or seen.lacks
    return desk.quotas.of(declared, memory, run_by(desk, declared, memory), bool(refused))


def run_by(desk: Desk, declared: Declared, memory: Memory) -> str:
    """The YARN user that the job runs as, or would; empty where nothing readable was ever declared."""
    job = declared.job or last_good(memory)
    return memory.application.user if memory.application else desk.user_of(declared, job) if job else ""


def _queue_of(declared: Declared, memory: Memory, sight: Sight) -> str:
    """Where the job is; without an open application, where it now wants to be."""
    application = memory.application
    if application and not memory.finished:
        return sight.queue or application.queue
    wanted = declared.job or last_good(memory)
    return wanted.spec.queue if wanted else ""


def size_of(declared: Declared, memory: Memory, seen: Seen) -> int:
    """How many replicas the job has, or is to have; or that take as long to decide on as the ends that were heard."""
    wanted = sum(role.replicas for role in declared.job.spec.roles.values()) if declared.job else 0
    return max(wanted, len(memory.replicas), len(seen.ends) * LARGE // MANY_ENDS)


def stands_in_line(memory: Memory, application: AppState, now: float, limits: Limits) -> bool:
    """Whether a whole gang is to be gathered, and nothing but its turn is waited for. Who keeps containers needs no turn."""
    wants = memory.gathering and not memory.closing_since and application is AppState.REGISTERED
    later = now < memory.gang_not_before or gang_in_doubt(memory, now, limits)
    return wants and memory.application is not None and not later and not kept(memory)


def _turn(desk: Desk, declared: Declared, memory: Memory, job: TrainingJob, seen: Seen) -> Turn:
    """Stand in line while a gang is to be gathered, and only then."""
    application, cluster = memory.application, seen.cluster
    job = as_wanted(job, memory.wanted)
    case = Case(declared, job, seen, clock.now(), desk.limits)
    if (
        application is None
        or seen.lacks
        or not stands_in_line(memory, seen.application, case.now, desk.limits)
    ):
        desk.line.leave(memory.uid)
        return Turn(not memory.gathering or bool(kept(memory)))
    wanted = [r for r in memory.replicas if r.key.role in job.spec.roles and not r.done]
    roles = present_roles(case, memory)
    wanted = [r for r in wanted if r.key.role in roles]
    missing = [r for r in wanted if not case.granted(r)]
    waiting = Waiting(
        memory.uid,
        # Who had his turn in vain goes to the end of the line, so that nobody waits for ever for those in front.
        memory.gang_not_before if memory.gang_timeouts else memory.queued_at,
        job.spec.priority,
        sum((case.size(r.key) for r in missing), Size()) if memory.replicas else gang_size(case, roles),
        queue=(cluster.queue if cluster else "") or application.queue,
        user=application.user,
        name=f"{declared.namespace}/{declared.name}",
        gang=gang_size(case, roles),
        containers=container_sizes(case, roles),
        holds=len(missing) < len(wanted),
    )
    return desk.line.join(waiting)
