"""Binding grants to replicas: the whole gang at once at the start, single replacements as they come.

To bind is to write down which container a replica gets, where, and with which ports; the process is started on the strength
of that. Nothing is bound while another process of the same identity may live.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from trainmaster.api import reasons
from trainmaster.frameworks import fixed_world, holds_addresses
from trainmaster.plan.case import Case, Change, normal, warning, with_replica
from trainmaster.plan.memory import Memory, ReplicaMemory
from trainmaster.plan.ports import choose
from trainmaster.plan.restart import whole_job
from trainmaster.plan.values import Container, ContainerState

IDLE = (ContainerState.ALLOCATED, ContainerState.UNSTARTABLE)
GIVE_BACK_WAIT = 10.0
"""seconds of the shortest wait after a gang that wasn't complete in time; doubled each time, and spread by chance of the uid"""


def gather(case: Case, memory: Memory) -> Change:
    """Bind what can be bound now."""
    if memory.closing_since or memory.verdict or not case.registered:
        return Change(memory)
    return _gather_gang(case, memory) if memory.gathering else _replace_singles(case, memory)


# --- the whole gang


def _gather_gang(case: Case, memory: Memory) -> Change:
    if case.now < memory.gang_not_before or not (case.seen.may_ask or memory.gang_since):
        return Change(memory)
    asked = replace(memory, gang_since=memory.gang_since or case.now)
    if _complete(case, asked):
        return _bind_gang(case, asked)
    if case.now - asked.gang_since >= case.job.spec.gang.timeout:
        return _give_back(case, asked)
    return Change(asked)


def _complete(case: Case, memory: Memory) -> bool:
    """Enough is granted, and nothing of an earlier generation lives any more."""
    granted = sum(1 for r in memory.replicas if r.done or case.granted(r))
    strays = any(c.state not in IDLE for c in case.seen.containers.values())
    return granted >= gang_minimum(case, memory) and not strays


def gang_minimum(case: Case, memory: Memory) -> int:
    """How many replicas must be there before any starts: all, where each is told at its start who the others are."""
    wanted = case.job.spec.gang.min_available
    total = len(memory.replicas)
    return total if wanted == "all" or fixed_world(case.job) else min(wanted, total)


def _bind_gang(case: Case, memory: Memory) -> Change:
    bound = memory
    for replica in memory.replicas:
        grant = case.granted(replica)
        if grant and not replica.done:
            bound = with_replica(bound, _bind(case, bound, replica, grant))
    if any(r.bound and not r.ports for r in bound.replicas):
        return Change(memory)
    started = replace(
        bound,
        started_generation=memory.generation,
        gang_since=0.0,
        gang_timeouts=0,
        active_since=memory.active_since or case.now,
    )
    return Change(started)


def _give_back(case: Case, memory: Memory) -> Change:
    """Runs rise, so that all that was granted, or still comes, is a stray; asked again after a wait that differs by job."""
    wait = _spread(memory) * GIVE_BACK_WAIT * 2 ** min(memory.gang_timeouts, 5)
    granted = sum(1 for r in memory.replicas if case.granted(r))
    said = f"{granted} of {gang_minimum(case, memory)} containers came within {case.job.spec.gang.timeout:g} s; given back"
    back = replace(
        memory,
        replicas=tuple(r if r.done else replace(r, run=r.run + 1) for r in memory.replicas),
        gang_since=0.0,
        gang_timeouts=memory.gang_timeouts + 1,
        gang_not_before=case.now + wait,
    )
    return Change(back, (warning(reasons.GANG_TIMEOUT, f"{said}, asked again in {wait:.0f} s"),))


def _spread(memory: Memory) -> float:
    """From 1 to 2, the same for the same job and try: two jobs that starved each other don't meet again."""
    digest = hashlib.blake2b(f"{memory.uid}/{memory.gang_timeouts}".encode(), digest_size=4).digest()
    return 1 + int.from_bytes(digest, "big") / 2**32


# --- single replacements


def _replace_singles(case: Case, memory: Memory) -> Change:
    for replica in memory.replicas:
        grant = (
            None if replica.bound or replica.done or case.now < replica.not_before else case.granted(replica)
        )
        if grant is None or case.others_live(replica, grant):
            continue
        bound = _bind(case, memory, replica, grant)
        if not bound.ports:
            continue
        if _moved(case, memory, replica, bound):
            return _move_job(case, memory, replica, bound)
        memory = with_replica(memory, bound)
    return Change(memory)


def _moved(case: Case, memory: Memory, before: ReplicaMemory, after: ReplicaMemory) -> bool:
    """Whether peers that run hold an address of this replica that is no longer true."""
    if not holds_addresses(case.job, before.key.role, before.key.index):
        return False
    same = (before.host, before.ports) == (after.host, after.ports)
    return not same and any(r.bound for r in memory.replicas if r.key != before.key)


def _move_job(case: Case, memory: Memory, replica: ReplicaMemory, bound: ReplicaMemory) -> Change:
    """The gang starts anew around the container that was granted; the others' processes hold a wrong address."""
    said = (
        f"{replica.key} moved from {_address(replica)} to {_address(bound)}, and its peers hold its address"
    )
    moved = whole_job(memory, case.now, said)
    kept = tuple(replace(replica, done=False) if r.key == replica.key else r for r in moved.replicas)
    return Change(replace(moved, replicas=kept), (normal(reasons.GANG_RESTART, f"{said} (not charged)"),))


def _address(replica: ReplicaMemory) -> str:
    return f"{replica.host or 'nowhere'}:{replica.ports[0] if replica.ports else '-'}"


# --- one binding


def _bind(case: Case, memory: Memory, replica: ReplicaMemory, grant: Container) -> ReplicaMemory:
    taken = set(case.seen.taken_ports.get(grant.host, ()))
    taken |= {port for r in memory.replicas if r.bound and r.host == grant.host for port in r.ports}
    wish = replica.ports if replica.host == grant.host else ()
    seed = f"{memory.uid}/{replica.key}/{replica.run if replica.port_clashes else 0}"
    ports = choose(case.limits, case.role(replica.key).ports, taken, seed, wish)
    enough = len(ports) == case.role(replica.key).ports
    return replace(
        replica,
        container=grant.id,
        node=grant.node,
        http=grant.http,
        host=grant.host,
        ports=ports if enough else (),
        bound_at=case.now,
    )
