"""Which ports the replicas of all jobs use, by host: so that two jobs of this controller never get the same one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trainmaster.plan.memory import Memory, ReplicaMemory


class Ports:
    """The ledger. Kept in step with the memories of the jobs: from binding until the replica is let go."""

    def __init__(self) -> None:
        self._by_host: dict[str, dict[int, str]] = {}
        self._by_job: dict[str, frozenset[tuple[str, int]]] = {}
        self._noted: dict[str, tuple[ReplicaMemory, ...]] = {}
        """what was taken over last, by job: most memories have the same rows as the one before"""

    def note(self, memory: Memory) -> None:
        """Take over which ports this job has now."""
        if self._noted.get(memory.uid) is memory.replicas:
            return
        self._noted[memory.uid] = memory.replicas
        now = frozenset((r.host, port) for r in memory.replicas if r.bound for port in r.ports)
        before = self._by_job.get(memory.uid, frozenset())
        for host, port in before - now:
            self._by_host[host].pop(port, None)
        for host, port in now - before:
            self._by_host.setdefault(host, {})[port] = memory.uid
        self._by_job[memory.uid] = now

    def forget(self, uid: str) -> None:
        self._noted.pop(uid, None)
        for host, port in self._by_job.pop(uid, frozenset()):
            self._by_host[host].pop(port, None)

    def of_others(self, uid: str) -> Mapping[str, frozenset[int]]:
        """By host: the ports of all jobs but this one, as they are when a host is first looked up."""
        return _Others(self._by_host, uid)


class _Others(Mapping[str, frozenset[int]]):
    def __init__(self, by_host: Mapping[str, Mapping[int, str]], uid: str) -> None:
        self._by_host, self._uid = by_host, uid
        self._looked_up: dict[str, frozenset[int]] = {}

    def __getitem__(self, host: str) -> frozenset[int]:
        if host not in self._looked_up:
            used = dict(self._by_host[host])  # in one go: a large job is decided on in a thread of its own
            ports = (port for port, uid in used.items() if uid != self._uid)
            self._looked_up[host] = frozenset(ports)
        return self._looked_up[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_host)

    def __len__(self) -> int:
        return len(self._by_host)
