"""Nodes that somebody outside calls bad, such as an exporter of GPU faults: what is believed of that, and who is left alone.

A node counts once two answers in a row call it bad, and only while few do; an answer that makes no sense says nothing, and one
that doesn't come says for a while what the last one did. So whoever is wrong, or away, takes no cluster from anybody. Pure.
Never here: who is asked, or how (sources/node_health.py); what jobs themselves found of nodes (suspects.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from math import isnan

from trainmaster.errors import InvalidError
from trainmaster.printable import printable

PART = 4
"""one node in so many may be left alone by all, but at least one: as plan/suspects.py counts them, and together with those"""
KEPT = 300.0
"""seconds for which the last answer counts while no other one comes"""
MOST = 10_000
"""nodes in one answer"""
LONGEST = 200
"""letters of a reason, and of a node's name"""

Answer = Mapping[str, str]
"""by node: why it is bad"""


@dataclass(frozen=True, slots=True)
class Told:
    """What one source said so far."""

    bad: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    """by node, as the source calls it: since when it is called bad in each answer, and why"""
    at: float = 0.0
    """when the last answer came; seconds since the epoch"""
    trouble: str = ""
    """why nothing is known of it now; empty when well"""

    def answered(self, said: Answer, now: float) -> Told:
        """After an answer."""
        return Told({host: (self.bad.get(host, (now, ""))[0], why) for host, why in said.items()}, now)

    def unheard(self, why: str, now: float) -> Told:
        """After none came: the last one counts for a while."""
        return Told(self.bad, self.at, why) if now - self.at < KEPT else Told({}, 0.0, why)

    def is_confirmed(self, host: str) -> bool:
        """Whether more than one answer said so."""
        return self.bad[host][0] < self.at


def garbled(why: str) -> Told:
    """What is left after an answer that makes no sense."""
    return Told(trouble=why)


@dataclass(frozen=True, slots=True)
class CalledBad:
    """A node of the cluster that a source calls bad."""

    host: str
    source: str
    why: str
    since: float
    """seconds since the epoch"""
    avoided: bool
    """whether all jobs leave it alone for that: not before it is confirmed, nor where there are too many such nodes"""


def called_bad(
    sources: Mapping[str, Told], hosts: Collection[str], avoided: Set[str]
) -> tuple[CalledBad, ...]:
    """Nodes of these hosts that are called bad, by name and source; `avoided` are left alone for what jobs found."""
    found = [
        (host, name, told, said)
        for name, told in sorted(sources.items())
        for said, host in _known(told.bad, hosts)
    ]
    sure = {host for host, _, told, said in found if told.is_confirmed(said)}
    few = len(sure | avoided) <= max(1, len(hosts) // PART)
    made = (
        CalledBad(host, name, told.bad[said][1], told.bad[said][0], few and told.is_confirmed(said))
        for host, name, told, said in found
    )
    return tuple(sorted(made, key=lambda each: (each.host, each.source)))


def _known(names: Collection[str], hosts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each name with the host that it means: its own, or the only one whose first part it is."""
    if not names:
        return
    whole, short = set(hosts), dict[str, str]()
    for host in sorted(hosts):
        first = host.partition(".")[0]
        short[first] = "" if first in short else host
    for name in names:
        if host := name if name in whole else short.get(name, ""):
            yield name, host


# --- what is an answer


def of_document(document: object) -> Answer:
    """What a file or a web server says: an object of nodes with the reasons. InvalidError where it isn't that."""
    if not isinstance(document, Mapping):
        raise InvalidError('it isn\'t an object of nodes with reasons, such as {"gpu-07": "Xid 79"}')
    if len(document) > MOST:
        raise InvalidError(f"it names {len(document)} nodes, of {MOST} at most")
    if wrong := next((each for each in document.items() if not _is_said(*each)), None):
        raise InvalidError(
            f"{_shown(wrong[0])} stands beside {_shown(wrong[1])}, and not beside a reason in words"
        )
    return {host: _words(why) for host, why in document.items()}


def of_query(document: object, label: str) -> Answer:
    """What Prometheus answers to a query: a vector, whose series that aren't 0 name bad nodes in a label. InvalidError where it
    is none, or a series has no such label."""
    data = document.get("data") if isinstance(document, Mapping) else None
    series = data.get("result") if isinstance(data, Mapping) and data.get("resultType") == "vector" else None
    if not isinstance(series, list) or len(series) > MOST:
        raise InvalidError(f"it isn't a vector of {MOST} series at most")
    return dict(found for each in series if (found := _of_series(each, label)))


def _of_series(series: object, label: str) -> tuple[str, str] | None:
    try:
        labels, value = series["metric"], float(series["value"][1])  # type: ignore[index]  # checked by trying
        node = str(labels[label]).rpartition(":")[0] or str(labels[label])
    except (TypeError, KeyError, ValueError, IndexError, OverflowError):
        raise InvalidError(f"a series has no label {label!r}, or no value: {_shown(series)}") from None
    if not value or isnan(value):
        return None
    name = labels.get("alertname") or labels.get("__name__") or "the query"
    return node[:LONGEST], _words(f"{name} is {value:g}")


def _is_said(host: object, why: object) -> bool:
    return isinstance(host, str) and 0 < len(host) <= LONGEST and isinstance(why, str)


def _words(why: str) -> str:
    """One line that can't drive a terminal."""
    return printable(why[:LONGEST]).strip() or "no reason given"


def _shown(value: object) -> str:
    return repr(value)[:60]
