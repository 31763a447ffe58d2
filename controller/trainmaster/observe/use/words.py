"""What a replica uses, in words for people. Pure."""

from __future__ import annotations

from trainmaster.observe.use.values import ReplicaUse

GIB = 1024**3


def use_words(replica: ReplicaUse) -> str:
    """`1.2 of 4.0 GiB (peak 3.1), 0.9 cores of 2 vcores`, as far as it is told; empty where nothing is."""
    return ", ".join(filter(None, (_memory(replica), _cores(replica))))


def _memory(replica: ReplicaUse) -> str:
    use = replica.use
    if use is None or use.memory is None:
        return ""
    of = f" of {replica.memory_asked / GIB:.1f}" if replica.memory_asked else ""
    peak = f" (peak {use.memory_peak / GIB:.1f})" if use.memory_peak is not None else ""
    return f"{use.memory / GIB:.1f}{of} GiB{peak}"


def _cores(replica: ReplicaUse) -> str:
    use = replica.use
    if use is None or use.cores is None:
        return ""
    of = f" of {replica.asked.vcores} vcores" if replica.asked.vcores else ""
    return f"{use.cores:.1f} cores{of}"
