"""Horovod with its gloo controller: who each process is, and a rendezvous beside the first of them.

Tried on Horovod 0.28: the survivors of a lost process end a second later, and one that comes back alone waits for
ever; so all restart together. Elastic Horovod (its own driver, horovodrun) isn't used: it starts processes itself.
https://horovod.readthedocs.io/en/stable/gloo_include.html
"""

from __future__ import annotations

from collections.abc import Sequence

from trainmaster.api.job import TrainingJob
from trainmaster.frameworks.beside import beside
from trainmaster.frameworks.placed import Placed
from trainmaster.frameworks.traits import Tell, Traits, all_or_alone, is_first, told_by_rank

RENDEZVOUS = """\
import os, threading
from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
from horovod.runner.http import http_server
size, port = int(os.environ["HOROVOD_SIZE"]), int(os.environ["HOROVOD_GLOO_RENDEZVOUS_PORT"])
http_server.find_port = lambda make: (make(("", port)), port)
server = http_server.RendezvousServer(verbose=0)
server.start()
hosts = ",".join("rank-%d:1" % rank for rank in range(size))
server.init(get_host_assignments(parse_hosts(hosts), size))
threading.Event().wait()
"""
"""Horovod's own server, at the port that all are told. Each process counts as a host of its own: which of them share a
machine changes nothing for gloo."""


def environments(job: TrainingJob, placed: Sequence[Placed]) -> Tell:
    return told_by_rank(
        job, placed, lambda group, rank: _process(rank, len(group)) | _meeting(group[0], rank)
    )


def _process(rank: int, size: int) -> dict[str, str]:
    return {
        "HOROVOD_RANK": str(rank),
        "HOROVOD_SIZE": str(size),
        "HOROVOD_LOCAL_RANK": "0",
        "HOROVOD_LOCAL_SIZE": "1",
        "HOROVOD_CROSS_RANK": str(rank),
        "HOROVOD_CROSS_SIZE": str(size),
    }


def _meeting(first: Placed, rank: int) -> dict[str, str]:
    return {
        "HOROVOD_HOSTNAME": f"rank-{rank}",
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": first.host,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(first.ports[0]),
    }


def script(job: TrainingJob, me: Placed, command: str) -> str:
    return beside(RENDEZVOUS, command) if is_first(job, me.role, me.index) else command


TRAITS = Traits(environments, all_or_alone, is_first, script=script, fixed_world=True)
