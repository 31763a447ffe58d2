"""Judging ends: each completed container becomes a cause, a charge, and a restart or a verdict.

A failure only changes counters and runs here; the replacement is asked for on the strength of what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainmaster.api import reasons
from trainmaster.api.job import RestartPolicy
from trainmaster.plan.anew import of_before
from trainmaster.plan.avoidance import avoiding, still
from trainmaster.plan.case import Case, Change, Draft, normal, warning
from trainmaster.plan.charges import counted, restarts_all, wait_after, why_over
from trainmaster.plan.classify import (
    CHARGED,
    HUNG,
    classify,
    lacked_by_node,
    signal_of,
)
from trainmaster.plan.end_words import describe
from trainmaster.plan.ends import Cause, GpuFault, LastExit
from trainmaster.plan.failures import followed, follows, named, sentence
from trainmaster.plan.links import log_url
from trainmaster.plan.memory import Failure, Memory, ReplicaMemory, Verdict, changed, replace
from trainmaster.plan.pending import lightened, likeliest_in, news, to_wait_for
from trainmaster.plan.repeats import repeated, root_of
from trainmaster.plan.restart import (
    let_go,
    unbound,
    whole_job,
    without_survivor,
)
from trainmaster.plan.ruling import Ruling, by_default, recent_gpu_faults, ruling_of, told
from trainmaster.plan.survivors import hosts_of, on_its_word_alone, remembered
from trainmaster.plan.values import End, Event

UNTOLD = (Cause.CONSEQUENCE, Cause.STOPPED)
"""of these the last words are left to the log: of thousands that die of one, they would fill the job's record"""


def judge_successes(case: Case, memory: Memory) -> Change:
    """Good ends come before bad ones that were heard with them: a chief's success must not be undone by those who miss it."""
    heard = (*memory.pending_ends, *news(memory, case.seen.ends))
    waiting = tuple(e for e in memory.pending_ends if e.code != 0)
    return judge(case, changed(memory, pending_ends=waiting), [e for e in heard if e.code == 0])


def judge_failures(case: Case, memory: Memory) -> Change:
    """Judge the other ends, the likeliest first cause first, once those that belong together can have been heard."""
    heard = (*memory.pending_ends, *(e for e in news(memory, case.seen.ends) if e.code != 0))
    waiting = to_wait_for(case, memory, heard)
    due = _without(heard, waiting)
    change = judge(case, changed(memory, pending_ends=()), sorted(due, key=likeliest_in(case, memory)))
    if not waiting:
        return change
    # What was judged now may have been their first cause: then they are shown as its consequences.
    still = to_wait_for(case, change.memory, waiting)
    rest = judge(case, changed(change.memory, pending_ends=lightened(still)), _without(waiting, still))
    return change.then(rest.memory, *rest.events)


def _without(ends: Sequence[End], others: Sequence[End]) -> list[End]:
    """By container, of which there may be thousands."""
    left_out = {e.container for e in others}
    return [e for e in ends if e.container not in left_out]


def judge_left_over(case: Case, memory: Memory) -> Change:
    """Ends that waited for a truer cause, and whose containers were let go meanwhile: shown, as all late ends are."""
    if not memory.pending_ends:
        return Change(memory)
    bound = {r.container for r in memory.replicas if r.bound}
    left = [e for e in memory.pending_ends if e.container not in bound]
    if not left:
        return Change(memory)
    waiting = tuple(e for e in memory.pending_ends if e.container in bound)
    return judge(case, changed(memory, pending_ends=waiting), left)


def judge(case: Case, memory: Memory, ends: Sequence[End]) -> Change:
    """Judge these ends in this order, whatever may still be heard."""
    if not ends:
        return Change(memory)
    draft = Draft(memory)
    places = {c: at for at, r in enumerate(draft.rows) for c in _containers(r)}
    for end in ends:
        if end.container in places:
            _judge_one(case, draft, places[end.container], end)
    if (verdict := draft.verdict) and not memory.verdict:
        draft.tell(warning(verdict.reason, verdict.message))
    return draft.done()


def _containers(replica: ReplicaMemory) -> Iterator[str]:
    """All containers of which an end says something of this replica."""
    yield from (c for c in (replica.previous, replica.container) if c)
    yield from (s.container for s in replica.survivors)


def _judge_one(case: Case, draft: Draft, at: int, end: End) -> None:
    replica = draft.rows[at]
    if on_its_word_alone(end):
        draft.given_up = remembered(draft.given_up, hosts_of(replica, end.container))
    if replica.container != end.container:
        draft.rows[at] = _note_late(case, replica, end)
        return
    if draft.verdict:
        if follows(case, draft, replica, end, _ruling(case, draft, replica, end)):
            draft.failure, draft.verdict = named(draft.failure, draft.verdict, replica, end)
        shown = _remember(case, replica, end, _late_cause(end.code))
        draft.rows[at] = _let_go(case, shown, end)
        return
    if of_before(replica, end.code, draft.gathering):
        _lose(case, draft, at, end)
        return
    ruling = _ruling(case, draft, replica, end)
    if follows(case, draft, replica, end, ruling):
        ruling = by_default(Cause.CONSEQUENCE)
    ended = _remember(case, replica, end, ruling.cause)
    if ruling.cause is Cause.SUCCEEDED and case.role(replica.key).restart_policy is not RestartPolicy.ALWAYS:
        draft.rows[at] = _done(ended)
    else:
        _restart_or_fail(case, draft, at, ended, ruling, end)


def _ruling(case: Case, draft: Draft, replica: ReplicaMemory, end: End) -> Ruling:
    """After what was judged a moment before in the same pass."""
    return ruling_of(case, replica, end, draft)


def _lose(case: Case, draft: Draft, at: int, end: End) -> None:
    """It gets another container, uncharged. Where its peers were told of it already, all of them are told anew."""
    replica = draft.rows[at]
    cause = classify(told(case, replica, end))
    shown = _remember(case, replica, end, Cause.CONSEQUENCE if cause in CHARGED else cause)
    draft.rows[at] = _let_go(case, replace(shown, replacements=shown.replacements + 1), end)
    if not draft.gathering:
        said = f"{replica.key} ended on {replica.host} before it was started anew: {_message(shown)}"
        draft.become(whole_job(case, draft.memory(), said, in_place=True))
        draft.tell(_event(reasons.GANG_RESTART, said, charged=False))


def _done(replica: ReplicaMemory) -> ReplicaMemory:
    return replace(
        replica,
        done=True,
        container="",
        node="",
        http="",
        process=1,
        reinitialising=False,
        previous=replica.container,
        previous_http=replica.http,
    )


def _let_go(case: Case, replica: ReplicaMemory, end: End) -> ReplicaMemory:
    """The replica without the container that ended, or was given away while its process may live."""
    if end.certain:
        return unbound(replica, case.now)
    return let_go(case, replica, end_is_heard=True)


def _note_late(case: Case, replica: ReplicaMemory, end: End) -> ReplicaMemory:
    """The end of a container that was let go earlier: shown, never judged, so it can't be charged twice."""
    known = without_survivor(replica, end.container) if end.certain else replica
    told = replica.last_exit is not None and replica.last_exit.container == end.container
    if told or replica.previous != end.container:
        return known
    return _remember(case, known, end, _late_cause(end.code))


def _late_cause(code: int) -> Cause:
    """Of an end that is shown but not judged: most died of our stopping them, the others of a neighbour's death."""
    if code == 0:
        return Cause.SUCCEEDED
    return Cause.STOPPED if code < 0 or signal_of(code) else Cause.CONSEQUENCE


def exit_of(replica: ReplicaMemory, end: End, cause: Cause) -> LastExit:
    """How it ended, as people are shown it."""
    return LastExit(
        container=end.container,
        node=replica.host,
        http=replica.http or replica.previous_http,
        code=end.code,
        cause=cause,
        message=describe(
            end.code, "" if cause in UNTOLD and end.code > 0 else end.diagnostics, end.node_words
        ),
        at=end.at,
        run=replica.run
        if end.container == replica.container
        else replica.run - 1,  # a late end is its last one's
    )


def _remember(case: Case, replica: ReplicaMemory, end: End, cause: Cause) -> ReplicaMemory:
    last = exit_of(replica, end, cause)
    if cause is Cause.MEMORY:
        asked = case.size(replica.key).memory
        last = replace(last, message=f"{last.message}; it had asked for {asked} MiB")
    return replace(replica, last_exit=last)


def _restart_or_fail(
    case: Case, draft: Draft, at: int, replica: ReplicaMemory, ruling: Ruling, end: End
) -> None:
    cause, said = ruling.cause, f"{replica.key} ended on {replica.host}: {_message(replica)}"
    root = root_of(replica, end, ruling)
    if why := why_over(case, draft, replica, ruling) or repeated(case, draft.root, root, replica):
        draft.rows[at] = _let_go(case, replica, end)
        draft.failure = Failure(replica.key, end.at, said, case.now)
        draft.verdict = _verdict(case, draft, replica, *why)
        return
    draft.root = root or draft.root
    if cause is Cause.GPU_FAULT and not ruling.charged:
        fault = GpuFault(replica.host, case.now)
        draft.gpu_faults = recent_gpu_faults((*draft.gpu_faults, fault), case.now)
    elsewhere = (root and root.elsewhere) or lacked_by_node(end.code, end.diagnostics)
    if (ruling.avoid_node or elsewhere) and replica.host:
        draft.avoided = avoiding(
            still(draft.avoided, case.now, case.seen.cleared), replica.host, case.now, cause.value
        )
        said = f"{said}; {replica.host} is left alone for a while, where there are other nodes"
    after = counted(case, replica, ruling)
    wait = wait_after(case, draft, after, ruling)
    draft.charged += ruling.charged
    if cause is Cause.CONSEQUENCE and draft.failure:
        draft.failure = followed(draft.failure, replica, end)
    elif cause is not Cause.SUCCEEDED and (ruling.charged or ruling.rule is None):
        # What a rule charges to nobody makes nobody else's failure free.
        draft.failure = Failure(replica.key, end.at, said, case.now + wait, charged=ruling.charged)
    shown = sentence(draft.failure) if cause is Cause.CONSEQUENCE and draft.failure else said
    if restarts_all(case, replica, ruling) and not draft.gathering:
        # What hung has no time to end in: it would take all of it. Its peers have theirs.
        draft.rows[at] = _let_go(case, after, end) if end.code == HUNG else after
        draft.become(whole_job(case, draft.memory(), shown, wait, in_place=True))
        if end.certain:
            draft.rows[at] = without_survivor(draft.rows[at], end.container)
        draft.tell(_event(reasons.GANG_RESTART, shown, ruling.charged))
        return
    draft.rows[at] = replace(_let_go(case, after, end), not_before=case.now + wait)
    draft.restarts, draft.restart_cause = draft.restarts + 1, shown
    draft.tell(_event(reasons.REPLICA_RESTART, said, ruling.charged))


def _event(reason: str, said: str, charged: bool) -> Event:
    return warning(reason, said) if charged else normal(reason, f"{said} (not charged)")


def _verdict(case: Case, draft: Draft, replica: ReplicaMemory, reason: str, why: str) -> Verdict:
    """The first cause, who followed it, why that is the end, and where to read more."""
    said = sentence(draft.failure) if draft.failure else ""
    log = log_url(replica.last_exit, case.limits.web_scheme)
    message = f"{said}; {why}" + (f". Log: {log}" if log else "")
    return Verdict(succeeded=False, reason=reason, message=message, at=case.now)


def _message(replica: ReplicaMemory) -> str:
    return replica.last_exit.message if replica.last_exit else ""
