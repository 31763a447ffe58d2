"""The table of asks that stands at YARN, and the lines that bring it to what a plan wants. Numbers there are absolute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from trainmaster.hadoop.containers import ResourceAsk
from trainmaster.hadoop.values import Resource
from trainmaster.master.identity import priority, request_id
from trainmaster.plan.values import Ask

Table = Mapping[int, Ask]
"""by allocation request id"""


def table(asks: Iterable[Ask]) -> dict[int, Ask]:
    return {request_id(a.role_number, a.key.index, a.run): a for a in asks}


def difference(stands: Table, wanted: Table, racks: Mapping[str, str]) -> tuple[ResourceAsk, ...]:
    """Lines for what is new, changed or no longer wanted. Taken-back lines come first."""
    gone = [
        line
        for number, ask in stands.items()
        if wanted.get(number) != ask
        for line in _lines(number, ask, 0, racks)
    ]
    new = [
        line
        for number, ask in wanted.items()
        if stands.get(number) != ask
        for line in _lines(number, ask, 1, racks)
    ]
    kept = {(line.allocation_request_id, line.where) for line in new}
    return (*(line for line in gone if (line.allocation_request_id, line.where) not in kept), *new)


def _lines(number: int, ask: Ask, count: int, racks: Mapping[str, str]) -> Iterator[ResourceAsk]:
    """One ask as ResourceRequest wants it: a host's line only together with its rack's and the bare one."""
    places = (ask.host, racks[ask.host], "*") if ask.host in racks else ("*",)
    size = Resource(ask.size.memory, ask.size.vcores, ask.size.gpus)
    for place in places:
        yield ResourceAsk(priority(ask.role_number), size, count, number, place)
