"""A status that fits into one object of the Kubernetes API, whatever the size of the job.

etcd takes 1.5 MiB in one request (--max-request-bytes, https://etcd.io/docs/v3.6/dev-guide/limit/), and the declaration
and the API server's own notes stand in the same object. A job with some 1,000 replicas fits as it is. Of a larger one the
replicas that run undisturbed are left out first; counts stay those of all, and `omitted` says how many the list lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from trainmaster.api.status import MAX_EARLIER, JobStatus, ReplicaState, ReplicaStatus, RoleStatus

MAX_BYTES = 512 * 1024
"""of one status as JSON; with the largest declaration (rules.MAX_BYTES) and 256 KiB of annotations it makes 1.5 MiB"""
SURE_TO_FIT = 200
"""replicas so few that nothing needs to be measured"""
CALM = (ReplicaState.RUNNING, ReplicaState.SUCCEEDED, ReplicaState.STOPPED, ReplicaState.WAITING)
"""states of which a large job has many, and which its counts tell as well"""

Place = tuple[str, int]
"""role, and place in its list"""


def fitted(status: JobStatus, limit: int = MAX_BYTES) -> JobStatus:
    """The status as it is, or as much of it as makes at most `limit` bytes of JSON. It stays true, and says what it lacks."""
    status = _with_few_ids(status)
    if sum(len(role.replicas) for role in status.roles.values()) <= SURE_TO_FIT:
        return status
    places = _by_interest(status.roles)
    sizes = accumulate(_size(status.roles[role].replicas[at]) for role, at in places)
    room = limit - _size_without_replicas(status)
    shown = {place for place, size in zip(places, sizes, strict=True) if size <= room}
    return status if len(shown) == len(places) else _with_only(status, shown)


def _with_few_ids(status: JobStatus) -> JobStatus:
    ids = status.earlier_application_ids
    if len(ids) <= MAX_EARLIER:
        return status
    return status.model_copy(update={"earlier_application_ids": ids[-MAX_EARLIER:]})


def _by_interest(roles: Mapping[str, RoleStatus]) -> list[Place]:
    """Those in trouble first, then those that once were, then the calm ones; each by index."""
    places = [(role, at) for role, status in roles.items() for at in range(len(status.replicas))]
    return sorted(places, key=lambda place: _calm(roles[place[0]].replicas[place[1]]))


def _calm(replica: ReplicaStatus) -> tuple[bool, bool, int]:
    return replica.state in CALM, replica.last_exit is None, replica.index


def _with_only(status: JobStatus, shown: Iterable[Place]) -> JobStatus:
    at = {role: sorted(place for name, place in shown if name == role) for role in status.roles}
    roles = {name: _shortened(role, at[name]) for name, role in status.roles.items()}
    return status.model_copy(update={"roles": roles})


def _shortened(role: RoleStatus, shown: list[int]) -> RoleStatus:
    replicas = tuple(role.replicas[place] for place in shown)
    return role.model_copy(update={"replicas": replicas, "omitted": len(role.replicas) - len(replicas)})


def _size(replica: ReplicaStatus) -> int:
    """Bytes of JSON, with the comma."""
    return len(replica.model_dump_json(by_alias=True, exclude_none=True)) + 1


def _size_without_replicas(status: JobStatus) -> int:
    empty = {
        name: role.model_copy(update={"replicas": (), "omitted": len(role.replicas)})
        for name, role in status.roles.items()
    }
    return len(status.model_copy(update={"roles": empty}).model_dump_json(by_alias=True, exclude_none=True))
