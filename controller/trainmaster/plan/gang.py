"""Binding grants to replicas: the whole gang at once at the start, single replacements as they come.

To bind is to write down which container a replica gets, where, and with which ports; the process is started on the strength
of that. Nothing is bound while another process of the same identity may live.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from trainmaster.api import reasons
from trainmaster.api.order import holds_back
from trainmaster.frameworks import fixed_world, holds_addresses
from trainmaster.plan.case import Case, Change, Draft, normal, warning
from trainmaster.plan.classify import PORT_TAKEN
from trainmaster.plan.locality import told
from trainmaster.plan.memory import Memory, ReplicaMemory, replace
from trainmaster.plan.order import present
from trainmaster.plan.ports import choose
from trainmaster.plan.restart import kept, kept_let_go, let_go, whole_job
from trainmaster.plan.values import IDLE, Container
from trainmaster.plan.wanted import all_had_in

PortsByHost = dict[str, set[int]]
GIVE_BACK_WAIT = 10.0
"""seconds of the shortest wait after a gang that wasn't complete in time; doubled each time, and spread by chance of the uid"""


def gather(case: Case, memory: Memory) -> Change:
    """Bind what can be bound now."""
    if memory.closing_since or memory.verdict or not case.registered:
        return Change(memory)
    change = Change(memory) if memory.gathering else _replace_singles(case, memory)
    if not change.memory.gathering:
        return change
    gang = _gather_gang(case, change.memory)
    return change.then(gang.memory, *gang.events)


# --- the whole gang


def _gather_gang(case: Case, memory: Memory) -> Change:
    if case.now < memory.gang_not_before:
        return Change(memory)
    if case.gang_in_doubt(memory):
        return Change(replace(kept_let_go(case, memory), gang_since=0.0))
    # A turn may be taken back from who holds nothing yet; who keeps containers needs none for the few that are missing.
    holds = any(r.bound or case.granted(r) for r in memory.replicas)
    if not case.seen.may_ask and not holds:
        return Change(replace(memory, gang_since=0.0))
    asked = replace(memory, gang_since=memory.gang_since or case.now)
    if _complete(case, asked):
        return _bind_gang(case, asked)
    if case.now - asked.gang_since >= case.job.spec.gang.timeout:
        return _timed_out(case, asked)
    return Change(asked)


def _complete(case: Case, memory: Memory) -> bool:
    """Enough is there, and nothing of an earlier generation lives any more: in containers that are kept something waits."""
    stay = kept(memory)
    if not all(map(case.has_come, stay)):
        return False
    own = {r.container for r in stay}
    granted = sum(1 for r in present(case, memory) if r.done or r.bound or case.granted(r))
    old = any(c.state not in IDLE and c.id not in own for c in case.seen.containers.values())
    return granted >= gang_minimum(case, memory) and not old and not case.gang_lingers(memory)


def gang_minimum(case: Case, memory: Memory) -> int:
    """How many replicas must be there before any starts: all, where each is told at its start who the others are, or some
    wait for all of another role."""
    wanted = case.job.spec.gang.min_available
    total = len(present(case, memory))
    whole = wanted == "all" or fixed_world(case.job) or holds_back(case.job.spec)
    return total if whole else min(int(wanted), total)


def _bind_gang(case: Case, memory: Memory) -> Change:
    taken = _ports_in_use(case, memory)
    replicas = tuple(_bind_granted(case, memory, replica, taken) for replica in memory.replicas)
    full = {r.host for r in replicas if r.bound and not r.ports}
    if full:
        return _give_back(case, memory, f"{_no_ports(case, full)}; all containers are given back")
    started = replace(
        memory,
        replicas=replicas,
        wanted=all_had_in(case.now - memory.gang_since, case.job, memory.wanted),
        started_generation=memory.generation,
        gang_since=0.0,
        gang_timeouts=0,
        active_since=memory.active_since or case.now,
    )
    return Change(started, tuple(told(case, started)))


def _bind_granted(case: Case, memory: Memory, replica: ReplicaMemory, taken: PortsByHost) -> ReplicaMemory:
    if replica.bound:
        return _bind_again(case, memory, replica, taken)
    grant = None if replica.done else case.granted(replica)
    return _bind(case, memory, replica, grant, taken) if grant else replica


def _timed_out(case: Case, memory: Memory) -> Change:
    granted = sum(1 for r in present(case, memory) if r.bound or case.granted(r))
    timeout = case.job.spec.gang.timeout
    return _give_back(
        case,
        memory,
        f"{granted} of {gang_minimum(case, memory)} containers came within {timeout:g} s; given back",
    )


def _give_back(case: Case, memory: Memory, said: str) -> Change:
    """Runs rise, so that all that was granted, or still comes, is a stray; asked again after a wait that differs by job."""
    wait = _spread(memory) * GIVE_BACK_WAIT * 2 ** min(memory.gang_timeouts, 5)
    back = replace(
        memory,
        replicas=tuple(r if r.done else _given_back(case, r) for r in memory.replicas),
        gang_since=0.0,
        gang_timeouts=memory.gang_timeouts + 1,
        gang_not_before=case.now + wait,
    )
    return Change(back, (warning(reasons.GANG_TIMEOUT, f"{said}, asked again in {wait:.0f} s"),))


def _given_back(case: Case, replica: ReplicaMemory) -> ReplicaMemory:
    return let_go(case, replica) if replica.bound else replace(replica, run=replica.run + 1)


def _no_ports(case: Case, hosts: Iterable[str]) -> str:
    first, last = case.limits.port_first, case.limits.port_last
    return f"too few of the ports {first} to {last} are free on {', '.join(sorted(hosts))}"


def _spread(memory: Memory) -> float:
    """From 1 to 2, the same for the same job and try: two jobs that starved each other don't meet again."""
    digest = hashlib.blake2b(f"{memory.uid}/{memory.gang_timeouts}".encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "big") / 2**32


# --- single replacements


def _replace_singles(case: Case, memory: Memory) -> Change:
    granted = [(at, r, grant) for at, r in enumerate(memory.replicas) if (grant := _free_grant(case, r))]
    if not granted:
        return Change(memory)
    draft, taken = Draft(memory), _ports_in_use(case, memory)
    for at, replica, grant in granted:
        bound = _bind(case, memory, replica, grant, taken)
        if not bound.ports:
            draft.rows[at] = _elsewhere(case, replica, grant.host)
            draft.tell(warning(reasons.NO_PORTS, f"{replica.key}: {_no_ports(case, [grant.host])}"))
        elif _moved(case, draft.rows, replica, bound):
            return _move_job(case, draft.memory(), replica, bound)
        else:
            draft.rows[at] = bound
    return draft.done()


def _elsewhere(case: Case, replica: ReplicaMemory, host: str) -> ReplicaMemory:
    """The grant is of no use on this host: it becomes a stray, and another is asked for after a while."""
    avoid = (*replica.avoid, host)[-3:]
    return replace(replica, run=replica.run + 1, avoid=avoid, not_before=case.now + GIVE_BACK_WAIT)


def _free_grant(case: Case, replica: ReplicaMemory) -> Container | None:
    """The container that this replica may be bound to now, once nothing of its identity can live elsewhere."""
    if replica.bound or replica.done or case.now < replica.not_before or case.lingers(replica):
        return None
    grant = case.granted(replica)
    return None if grant is None or case.others_live(replica, grant) else grant


def _moved(
    case: Case, replicas: Iterable[ReplicaMemory], before: ReplicaMemory, after: ReplicaMemory
) -> bool:
    """Whether peers that run hold an address of this replica that is no longer true."""
    if not holds_addresses(case.job, before.key.role, before.key.index):
        return False
    same = (before.host, before.ports) == (after.host, after.ports)
    return not same and any(r.bound for r in replicas if r.key != before.key)


def _move_job(case: Case, memory: Memory, replica: ReplicaMemory, bound: ReplicaMemory) -> Change:
    """The gang starts anew around the container that was granted; the others' processes hold a wrong address."""
    said = (
        f"{replica.key} moved from {_address(replica)} to {_address(bound)}, and its peers hold its address"
    )
    moved = whole_job(case, memory, said, in_place=True)
    kept = tuple(replace(replica, done=False) if r.key == replica.key else r for r in moved.replicas)
    return Change(replace(moved, replicas=kept), (normal(reasons.GANG_RESTART, f"{said} (not charged)"),))


def _address(replica: ReplicaMemory) -> str:
    return f"{replica.host or 'nowhere'}:{replica.ports[0] if replica.ports else '-'}"


# --- one binding


def _ports_in_use(case: Case, memory: Memory) -> PortsByHost:
    """By host, the ports of this controller's other replicas, this job's among them."""
    taken: PortsByHost = {}
    for r in memory.replicas:
        if r.bound:
            taken.setdefault(r.host, set(case.seen.taken_ports.get(r.host, ()))).update(r.ports)
    return taken


def _bind(
    case: Case, memory: Memory, replica: ReplicaMemory, grant: Container, taken: PortsByHost
) -> ReplicaMemory:
    """The replica with this container and its ports there, which then count as taken; without ports when the range is full."""
    used = taken.setdefault(grant.host, set(case.seen.taken_ports.get(grant.host, ())))
    clashed = replica.last_exit is not None and replica.last_exit.code == PORT_TAKEN
    wish = replica.ports if replica.host == grant.host and not clashed else ()
    seed = f"{memory.uid}/{replica.key}/{replica.run if replica.port_clashes else 0}"
    count = case.role(replica.key).ports
    ports = choose(case.limits, count, used | set(replica.ports) if clashed else used, seed, wish)
    enough = len(ports) == count
    used.update(ports)
    return replace(
        replica,
        container=grant.id,
        node=grant.node,
        http=grant.http,
        host=grant.host,
        ports=ports if enough else (),
        bound_at=case.now,
        process=1,
        reinitialising=False,
    )


def _bind_again(case: Case, memory: Memory, replica: ReplicaMemory, taken: PortsByHost) -> ReplicaMemory:
    """The replica with a process to come in the container that it has.

    On other ports, if there are any: those that it had may not be free yet (TIME_WAIT), and strangers may still call there.
    """
    used, count = taken[replica.host], len(replica.ports)
    found = choose(case.limits, count, used, f"{memory.uid}/{replica.key}/generation {memory.generation}")
    ports = found if len(found) == count else replica.ports
    used.update(ports)
    return replace(replica, ports=ports, bound_at=case.now, process=replica.process + 1, reinitialising=True)
