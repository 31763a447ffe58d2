"""Where the links of a job lead at this moment: names such as worker-0 become the host and port of that replica. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainmaster.api.hiding import without_secrets
from trainmaster.api.status import ReplicaState

if TYPE_CHECKING:
    from trainmaster.api.job import TrainingJob
    from trainmaster.api.quick_links import QuickLink
    from trainmaster.api.status import JobStatus

_PARTS = re.compile(r"(https?://)([a-z][a-z0-9-]*)-(\d{1,5})(:\d+)?([/?#].*)?")
"""of an address that may be a replica's: scheme, role, index, port and the rest"""


def job_links(job: TrainingJob, status: JobStatus) -> Iterator[tuple[str, str]]:
    """Name and address of each. One of a replica that doesn't run, or has no such port, is left out."""
    for link in job.spec.links or ():
        found = _PARTS.fullmatch(link.url)
        ours = found if found and found[2] in job.spec.roles else None
        if url := _of_replica(link, ours, status) if ours else link.url:
            yield link.name, without_secrets(url)


def _of_replica(link: QuickLink, parts: re.Match[str], status: JobStatus) -> str:
    scheme, role, index, port, rest = parts.groups(default="")
    shown = status.roles.get(role)
    for replica in shown.replicas if shown else ():
        if replica.index == int(index) and replica.state is ReplicaState.RUNNING:
            own = replica.ports[(link.port or 1) - 1 :][:1]
            number = port if port and link.port is None else "".join(f":{each}" for each in own)
            return f"{scheme}{replica.node}{number}{rest}" if number else ""
    return ""
