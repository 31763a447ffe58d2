"""Prometheus HTTP service discovery: where the processes of live jobs serve metrics of their own. Pure.

https://prometheus.io/docs/prometheus/latest/http_sd/: a list of targets with labels. These are not `job` and `namespace`,
which are Prometheus's own. Never here: what these metrics are.
"""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.api.status import ReplicaState
from trainmaster.master.picture import FleetPicture, Picture

MOST = 20_000
"""targets that are listed at most"""


def targets(fleet: FleetPicture) -> list[dict[str, object]]:
    """One for each process that runs, of the roles that declare a metricsPort."""
    found = (target for picture in fleet.jobs.values() for target in _of_job(picture))
    return [target for target, _ in zip(found, range(MOST), strict=False)]


def _of_job(picture: Picture) -> Iterator[dict[str, object]]:
    job, declared = picture.declared.job, picture.declared
    for name, role in job.spec.roles.items() if job else ():
        place, status = role.metrics_port, picture.status.roles.get(name)
        for replica in status.replicas if status and place else ():
            if replica.state is ReplicaState.RUNNING and place and len(replica.ports) >= place:
                yield {
                    "targets": [f"{replica.node}:{replica.ports[place - 1]}"],
                    "labels": {
                        "job_namespace": declared.namespace,
                        "job_name": declared.name,
                        "role": name,
                        "index": str(replica.index),
                    },
                }
