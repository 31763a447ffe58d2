"""What is to be done, read off memory and sight: nothing here remembers or decides anything new.

So each action can be worked out again after a crash, and is: containers that memory doesn't bind are strays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from trainmaster.api.order import holds_back
from trainmaster.frameworks import Placed, environments, script
from trainmaster.plan.admission import refusal
from trainmaster.plan.asks import wanting
from trainmaster.plan.case import Case
from trainmaster.plan.close import OVER
from trainmaster.plan.gentle import has_time, last_grace
from trainmaster.plan.hangs import asked
from trainmaster.plan.history import due
from trainmaster.plan.memory import Key, Memory, ReplicaMemory
from trainmaster.plan.order import held, present
from trainmaster.plan.pairs import paired, together
from trainmaster.plan.restart import kept
from trainmaster.plan.values import (
    IDLE,
    LIVELY,
    Action,
    AppState,
    AskStacks,
    ContainerState,
    File,
    Finish,
    Forget,
    Kill,
    Open,
    Park,
    Prioritize,
    Reinitialise,
    Release,
    RemoveDeclaration,
    Seen,
    Start,
    Stop,
    Terminate,
)

BUSY = frozenset({AppState.REGISTERED, AppState.OPENING, AppState.AWAY})
"""states in which no further application can be opened; the others are of an application that is over, or none"""
STARTS = 200
"""processes started by one pass: the environment of each may be long, and other jobs have their turn in between"""
FINISH_ANYWAY = 10.0
"""seconds after which YARN is told of the end though containers still live: it then ends them itself"""


def actions_of(case: Case, memory: Memory) -> tuple[Action, ...]:
    """All that should be done now; the shell leaves out what is already on its way."""
    return (
        *_application(case, memory),
        *_starts(case, memory),
        *_stacks(case, memory),
        *_strays(case, memory),
        *_ends(case, memory),
    )


def _application(case: Case, memory: Memory) -> Iterator[Action]:
    if kill := kill_of(memory, case.seen):
        yield kill
    elif may_open(case, memory):
        yield Open()
    elif case.registered and memory.application and memory.application.priority != case.job.spec.priority:
        yield Prioritize(case.job.spec.priority)


def kill_of(memory: Memory, seen: Seen) -> Kill | None:
    """What ends an application that nobody can speak for; None where there is none, or it is over."""
    application = memory.application
    if application is None or memory.closed_at:
        return None
    orphaned = application.orphan and seen.application not in OVER
    return Kill(application.id) if orphaned or seen.application is AppState.TOKEN_LOST else None


def may_open(case: Case, memory: Memory) -> bool:
    """Whether an application is wanted: an accepted job, or one whose application is to be taken up again."""
    if memory.application is not None:
        return case.seen.application is AppState.NONE and not memory.finished
    if case.unread or case.seen.application in BUSY or case.now < memory.open_not_before:
        return False
    if case.looked_elsewhere or not case.seen.quota.may or case.seen.lacks:
        return False
    wanted = not memory.closing_since and not memory.verdict
    return wanted and case.seen.cluster is not None and refusal(case, memory.role_numbers.keys()) is None


def _starts(case: Case, memory: Memory) -> Iterator[Action]:
    yield from islice(_parks(case, memory), STARTS)
    due = [r for r in memory.replicas if _to_start(case, r) or (r.reinitialising and _to_tell(case, r))]
    waits = held(case, memory) if due else {}
    due = [r for r in due if r.key.role not in waits]
    if not due:
        return
    # Also those that are done or being replaced: their place keeps their peers' numbers right. Preparations are gone by then.
    placed = [_placed(memory, r) for r in present(case, memory) if r.ports]
    tell, check, tried = environments(case.job, placed), case.job.spec.node_check, _pairs(case, memory)
    for replica in due[:STARTS]:
        me, id_, key = _placed(memory, replica), replica.container, replica.key
        told, command, role = {**tell(me), **tried(replica)}, script(case.job, me), case.role(key)
        if replica.reinitialising:
            yield Reinitialise(id_, key, replica.process, told, command, role.grace, role.readiness, check)
        else:
            yield Start(id_, key, told, command, role.grace, role.readiness, check)


def _pairs(case: Case, memory: Memory) -> Callable[[ReplicaMemory], Mapping[str, str]]:
    """With whom a process tries the network. Where some begin later than others, they'd wait for each other."""
    check = case.job.spec.node_check
    if check is None or not check.pairs or holds_back(case.job.spec):
        return lambda _: {}
    groups, made = together(memory.replicas), dict[float, Mapping[Key, Mapping[str, str]]]()

    def of(replica: ReplicaMemory) -> Mapping[str, str]:
        at = replica.bound_at
        if at not in made:
            made[at] = paired(groups[at])
        return made[at].get(replica.key, {})

    return of


def _to_start(case: Case, replica: ReplicaMemory) -> bool:
    return replica.bound and case.state_of(replica) is ContainerState.ALLOCATED


def _parks(case: Case, memory: Memory) -> Iterator[Action]:
    """The processes of a generation that is over make place in the containers that are kept."""
    if case.unread or memory.closing_since or memory.verdict:
        return
    yield from (Park(r.container, r.process) for r in kept(memory) if _to_tell(case, r))


def _to_tell(case: Case, replica: ReplicaMemory) -> bool:
    """Whether its NodeManager is still to be told of the process that is to come."""
    container = case.seen.containers.get(replica.container) if case.registered else None
    return container is not None and container.state in LIVELY and container.told != replica.process


def _stacks(case: Case, memory: Memory) -> Iterator[Action]:
    wanted = tuple(r.container for r in asked(case, memory) if r.container not in case.seen.stacks)
    if wanted:
        yield AskStacks(wanted)


def _placed(memory: Memory, replica: ReplicaMemory) -> Placed:
    key = replica.key
    return Placed(key.role, key.index, replica.host, replica.ports, replica.run, memory.generation)


def _strays(case: Case, memory: Memory) -> Iterator[Action]:
    """Live containers that no replica is bound to, save the grants that a gang is being made of."""
    if not case.registered:
        return
    kept = {r.container for r in memory.replicas if r.bound} | _held(case, memory)
    strays = [c for c in case.seen.containers.values() if c.id not in kept]
    timed = has_time(case, memory) if strays else {}
    for container in strays:
        if container.state in IDLE:
            yield Release(container.id)
        elif survivor := timed.get(container.id):
            if container.state is ContainerState.RUNNING and not (survivor.told or container.leaving):
                yield Terminate(container.id, container.node)
        else:
            yield Stop(container.id, container.node)


def _held(case: Case, memory: Memory) -> set[str]:
    """Grants that their replicas still wait to be bound to."""
    if memory.closing_since or memory.verdict or case.unread:
        return set()
    grants = map(case.granted, wanting(case, memory))
    return {grant.id for grant in grants if grant}


def _ends(case: Case, memory: Memory) -> Iterator[Action]:
    if memory.closing_since and case.registered and _empty_or_late(case, memory):
        verdict = memory.verdict
        message = (
            verdict.message if verdict else "suspended" if memory.suspended else "the declaration was deleted"
        )
        yield Finish(bool(verdict and verdict.succeeded), killed=verdict is None, message=message)
    over = memory.closed_at > 0 or not case.has_application(memory)
    unfiled = due(case.declared, memory, case.limits)
    yield from map(File, unfiled)
    if case.declared.deleted and memory.closing_since and over:
        if not unfiled:
            yield Forget()
    elif memory.expired and case.job.spec.run_policy.ttl_deletes_resource:
        yield RemoveDeclaration()


def _empty_or_late(case: Case, memory: Memory) -> bool:
    since = max(memory.closing_since, last_grace(memory))
    return not case.seen.containers or case.now - since >= FINISH_ANYWAY
