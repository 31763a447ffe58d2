"""Which two processes try the network between their nodes before a gang begins (`nodeCheck.pairs`): each with two others in turn.

So a node whose network is broken fails with both, and each of its two partners passes with another one: that node alone is named.
Never here: the trying (master/node_check.py), or what is made of a node that failed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from trainmaster.plan.memory import Key, ReplicaMemory

PEERS = "TRAINMASTER_CHECK_PEERS"
"""variable of the check: addresses of the partners, one for each round"""
SIDE = "TRAINMASTER_CHECK_SIDE"
"""variable of the check: who of a pair waits for the other one's call"""
LISTENS, CONNECTS = "listen", "connect"


def paired(replicas: Iterable[ReplicaMemory]) -> Mapping[Key, Mapping[str, str]]:
    """What processes are told of their partners, by place. Nobody where these are bound to fewer than four nodes, or most of
    them to one: then no two rounds could tell which node it is. Of an odd number one has no partner."""
    found = sorted((r for r in replicas if r.ports), key=lambda r: (r.host, r.key.role, r.key.index))
    half, most = len(found) // 2, max(Counter(r.host for r in found).values(), default=0)
    if not most or half < 2 * most:
        return {}
    first, second = found[:half], found[half : 2 * half]
    told = {r.key: _told((second[at], second[(at + most) % half]), LISTENS) for at, r in enumerate(first)}
    others = {r.key: _told((first[at], first[(at - most) % half]), CONNECTS) for at, r in enumerate(second)}
    return {**told, **others}


def _told(partners: Iterable[ReplicaMemory], side: str) -> Mapping[str, str]:
    return {PEERS: ",".join(f"{r.host}:{r.ports[0]}" for r in partners), SIDE: side}


def together(replicas: Iterable[ReplicaMemory]) -> Mapping[float, list[ReplicaMemory]]:
    """Those that begin at the same time, since they were bound in one step, by when: of others the processes run already."""
    found = defaultdict[float, list[ReplicaMemory]](list)
    for replica in replicas:
        if replica.bound:
            found[replica.bound_at].append(replica)
    return found
