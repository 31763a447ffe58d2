"""Which logs of a job are meant, by what stands in its status; and why there are none. Never here: reading them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trainmaster.cli.log_lines import Log

if TYPE_CHECKING:
    from trainmaster.api.status import JobStatus, ReplicaStatus
    from trainmaster.sources.stored import StoredJob


class Stream(StrEnum):
    """The files that every process has."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show of a job."""

    namespace: str
    name: str
    role: str = ""
    index: int | None = None
    previous: bool = False
    rerun: int | None = None
    """of which run, where not of the present one"""
    streams: tuple[Stream, ...] = tuple(Stream)


def chosen(status: JobStatus | None, wanted: Wanted) -> list[Log]:
    """The logs that are meant, of all replicas that have or had a container."""
    if status and wanted.rerun not in {None, status.rerun}:
        return list(_logs_of_earlier(status, wanted))
    found: list[Log] = []
    for role, of_role in status.roles.items() if status else ():
        for replica in of_role.replicas:
            if wanted.role in {"", role} and wanted.index in {None, replica.index}:
                found += _logs_of(f"{role}-{replica.index}", replica, wanted)
    return found


def _logs_of(label: str, replica: ReplicaStatus, wanted: Wanted) -> Iterator[Log]:
    yield from _logs_at(_previous_url(replica) if wanted.previous else replica.log_url, label, wanted)


def _logs_of_earlier(status: JobStatus, wanted: Wanted) -> Iterator[Log]:
    for run in status.earlier_runs:
        for log in run.logs if run.rerun == wanted.rerun else ():
            if wanted.role in {"", log.role} and wanted.index in {None, log.index}:
                yield from _logs_at(log.log_url, f"{log.role}-{log.index}", wanted)


def _logs_at(url: str, label: str, wanted: Wanted) -> Iterator[Log]:
    parts = urlsplit(url)
    _, found, rest = parts.path.partition("/containers/")
    if found:
        base = f"{parts.scheme}://{parts.netloc}"
        yield from (Log(label, base, rest.split("/")[0], stream.value) for stream in wanted.streams)


def _previous_url(replica: ReplicaStatus) -> str:
    end = replica.last_exit
    return end.log_url if end and end.log_url != replica.log_url else ""


def nothing(stored: StoredJob, wanted: Wanted) -> str:
    """What is said where no log is known."""
    if wanted.rerun is not None and (status := stored.status):
        known = [str(run.rerun) for run in status.earlier_runs] + [str(status.rerun)]
        if str(wanted.rerun) not in known:
            return f"{wanted.name} has no run {wanted.rerun} whose logs are known; it has {', '.join(known)}"
    if wanted.role and stored.job and wanted.role not in stored.job.spec.roles:
        return f"{wanted.name} has no role {wanted.role}; it has {', '.join(stored.job.spec.roles)}"
    if missing := _no_such_index(stored, wanted):
        return missing
    which = "previous process" if wanted.previous else "process"
    return f"{wanted.name} has no {which} whose log is known"


def _no_such_index(stored: StoredJob, wanted: Wanted) -> str:
    """Where no role has so many replicas: what there is."""
    roles = stored.job.spec.roles if stored.job else {}
    sizes = {
        name: role.replicas for name, role in roles.items() if wanted.role in {"", name} and role.replicas
    }
    if wanted.index is None or not sizes or wanted.index < max(sizes.values()):
        return ""
    there = (f"{name} has {'only 0' if size == 1 else f'0 to {size - 1}'}" for name, size in sizes.items())
    return f"no replica {wanted.index}: {', '.join(there)}"
