"""Whether a job can be taken in: the reason why not, with the numbers. Asked anew at each pass until an application is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set

from trainmaster.api import reasons
from trainmaster.api.job import Role
from trainmaster.api.order import by_stage, holds_back
from trainmaster.frameworks import unstartable
from trainmaster.plan.case import Case
from trainmaster.plan.cluster import Size

Refusal = tuple[str, str]
"""(reason, message)"""
Check = Callable[[Case], Refusal | None]

ROLE_NUMBERS = 256
"""allocation request ids have eight bits for the role"""


def refusal(case: Case, known_roles: Set[str]) -> Refusal | None:
    """Why this job can't be taken in as it is; None when it can, as far as is known.

    `known_roles` are all that the job had in its life.
    """
    return _first(case, (_denied, _queue)) or unfit(case, known_roles) or over_quota(case)


def unfit(case: Case, known_roles: Set[str]) -> Refusal | None:
    """Why a job of this shape can never be had, wherever and whenever it is declared."""
    checks = (_too_many_replicas, _too_many_ports, _too_long, _largest, _queue_maximum)
    return _first(case, checks) or _too_many_roles(len(known_roles | case.job.spec.roles.keys()))


def over_quota(case: Case) -> Refusal | None:
    """That quotas will never let it in as it is. Where there is only no room yet it waits, and is refused nothing."""
    return (reasons.OVER_QUOTA, case.seen.quota.words) if case.seen.quota.never else None


def _first(case: Case, checks: Iterable[Check]) -> Refusal | None:
    return next((no for check in checks if (no := check(case))), None)


def _denied(case: Case) -> Refusal | None:
    return (reasons.DENIED, case.seen.denied) if case.seen.denied else None


def _too_many_replicas(case: Case) -> Refusal | None:
    total = sum(role.replicas for role in case.job.spec.roles.values())
    if total <= case.limits.max_replicas:
        return None
    return (
        reasons.NEVER_FITS,
        f"{total} replicas are wanted, and this controller takes {case.limits.max_replicas} in one job",
    )


def _too_many_ports(case: Case) -> Refusal | None:
    """No host has as many for one replica, however empty it is."""
    first, last = case.limits.port_first, case.limits.port_last
    there = last - first + 1
    for name, role in case.job.spec.roles.items():
        if role.replicas and role.ports > there:
            return (
                reasons.NEVER_FITS,
                f"each replica of role {name} wants {role.ports} ports, and this controller gives out {there}:"
                f" its settings port_first ({first}) to port_last ({last})",
            )
    return None


def _too_long(case: Case) -> Refusal | None:
    """By the shortest of today's host names: longer ones only make it worse."""
    shortest = case.seen.cluster.picture.shortest_host if case.seen.cluster else 1
    no = unstartable(case.job, shortest)
    return (reasons.NEVER_FITS, no) if no else None


def _queue(case: Case) -> Refusal | None:
    cluster, queue = case.seen.cluster, case.job.spec.queue
    if cluster is None:
        return None
    if not cluster.queue_found:
        return reasons.QUEUE_NOT_FOUND, f"YARN has no queue {queue!r}"
    if not cluster.queue_running:
        return reasons.QUEUE_STOPPED, f"queue {queue!r} is stopped"
    return None


def _largest(case: Case) -> Refusal | None:
    cluster = case.seen.cluster
    if cluster is None:
        return None
    room = cluster.largest
    for name, role in case.job.spec.roles.items():
        size = size_of(role)
        if role.replicas and not size.fits(room):
            return (
                reasons.NEVER_FITS,
                f"role {name} wants {size} in one container; YARN grants at most {room.beside(size)}",
            )
    return None


def _queue_maximum(case: Case) -> Refusal | None:
    cluster = case.seen.cluster
    if cluster is None or not cluster.nodes or (maximum := cluster.configured_maximum) is None:
        return None
    gangs = ((gang_size(case, roles), roles) for roles in by_stage(case.job.spec))
    needed, roles = next(((size, roles) for size, roles in gangs if not size.fits(maximum)), (Size(), ()))
    if not roles:
        return None
    return (
        reasons.NEVER_FITS,
        f"the gang wants {needed} ({_counts(case, roles)});"
        f" queue {case.job.spec.queue!r} may use at most {maximum.beside(needed)}",
    )


def _too_many_roles(known: int) -> Refusal | None:
    if known <= ROLE_NUMBERS:
        return None
    return reasons.INVALID, f"this job had {known} different roles in its life; {ROLE_NUMBERS} is the most"


def gang_size(case: Case, roles: Iterable[str]) -> Size:
    """What must be granted together before anything of these roles starts; with minAvailable, the smallest containers that make
    it up."""
    wanted, declared = case.job.spec.gang.min_available, [case.job.spec.roles[name] for name in roles]
    if wanted == "all" or holds_back(case.job.spec):
        return sum((size_of(role).times(role.replicas) for role in declared), Size())
    sizes = sorted(size_of(r) for r in declared for _ in range(r.replicas))
    return sum(sizes[:wanted], Size())


def size_of(role: Role) -> Size:
    """What one container of this role has."""
    return Size(role.resources.memory, role.resources.vcores, role.resources.gpus)


def container_sizes(case: Case, roles: Iterable[str]) -> tuple[Size, ...]:
    """The different sizes of container that these roles want."""
    declared = (case.job.spec.roles[name] for name in roles)
    return tuple(dict.fromkeys(size_of(role) for role in declared if role.replicas))


def no_room(case: Case, roles: Sequence[str]) -> str:
    """What today's nodes lack for these roles even when empty; empty when they'd do, or nothing is known of them."""
    cluster = case.seen.cluster
    if cluster is None:
        return ""
    if no := no_node_for(case, roles):
        return no
    gang = gang_size(case, roles)
    few = cluster.too_few_for(gang)
    return f"it wants {gang} ({_counts(case, roles)}), and {few}" if few else ""


def no_node_for(case: Case, roles: Iterable[str]) -> str:
    """Which of these roles wants a container that none of today's nodes can hold even when empty; empty when none does."""
    cluster = case.seen.cluster
    for name in roles:
        role = case.job.spec.roles[name]
        size = size_of(role)
        if cluster and role.replicas and (lacking := cluster.no_node_for(size)):
            return f"role {name} wants {size} in one container, and {lacking}"
    return ""


def _counts(case: Case, roles: Iterable[str]) -> str:
    """Of whom a gang is made up, such as: 2 ps, 3 worker"""
    wanted, declared = case.job.spec.gang.min_available, case.job.spec.roles
    counts = ", ".join(f"{declared[name].replicas} {name}" for name in roles if declared[name].replicas)
    return counts if wanted == "all" or holds_back(case.job.spec) else f"the {wanted} smallest of {counts}"
