"""Which jobs a page or an answer lists: filters, an order and a page of them, as an address names them. Pure.

Never here: how a row looks (pages.py), or the JSON of a job (answers.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from trainmaster.master.picture import Picture

SIZE: Final = 100
"""rows of a page"""
LONGEST: Final = 200
"""letters of a filter that are heeded"""
STATES: Final = ("Running", "Queued", "Starting", "Restarting", "Suspended", "Failed", "Refused", "Succeeded")
"""in the order in which people look for them; others follow"""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for. Empty words filter nothing; words of an address that mean nothing are read over."""

    text: str = ""
    """is part of namespace/name, whatever its case"""
    state: str = ""
    namespace: str = ""
    queue: str = ""
    user: str = ""
    sort: str = ""
    """a column of ORDERS; with a minus before it, the other way round"""
    page: int = 1

    def link(self, **changes: Any) -> str:
        """The address of the same list with these changes; any change but the page's leads to its first page."""
        asked = replace(self, **{"page": 1, **changes})
        words = {name: getattr(asked, name) for name in _FIELDS if getattr(asked, name)}
        if asked.page > 1:
            words["page"] = asked.page
        return f"?{urlencode(words, errors='replace')}" if words else "./"

    def order(self, column: str) -> str:
        """How to sort when a column's head is clicked: by it, and the other way round the next time."""
        return f"-{column}" if self.sort == column else column

    @property
    def filters(self) -> bool:
        return any((self.text, self.state, self.namespace, self.queue, self.user))


def state_of(job: Picture) -> str:
    return job.status.state or "Unknown"


def queue_of(job: Picture) -> str:
    """That it was submitted to, else the one that is declared."""
    return job.status.queue or (job.declared.job.spec.queue if job.declared.job else "")


def user_of(job: Picture) -> str:
    """As whom it runs, else who declared it."""
    return job.status.user or job.declared.owner


def first_seen(job: Picture) -> float:
    """When it was first seen, in seconds since the epoch, told by its source or its oldest condition; 0 where none does."""
    oldest = min((c.last_transition_time for c in job.status.conditions), default="")
    return job.declared.created or (datetime.fromisoformat(oldest).timestamp() if oldest else 0.0)


_FIELDS = ("text", "state", "namespace", "queue", "user", "sort")

ORDERS: Final[Mapping[str, Callable[[Picture], Any]]] = {
    "name": lambda p: (p.declared.namespace, p.declared.name),
    "state": lambda p: _rank(p.status.state),
    "queue": queue_of,
    "user": user_of,
    "gpus": lambda p: p.status.gpus,
    "restarts": lambda p: p.status.restarts,
    "age": lambda p: -first_seen(p),
}
"""columns that a list can be sorted by"""


@dataclass(frozen=True, slots=True)
class Page:
    """What is listed, and what there is besides."""

    query: Query
    rows: tuple[Picture, ...]
    found: int
    """jobs that pass the filters"""
    pages: int
    states: tuple[tuple[str, int], ...]
    """of those that pass all other filters"""


def parse(words: Mapping[str, str]) -> Query:
    """The query of an address; what it says wrongly counts as not said."""
    said = {name: words.get(name, "").strip()[:LONGEST] for name in _FIELDS}
    sort = said.pop("sort")
    page = words.get("page", "")
    return Query(
        **said,
        sort=sort if sort.removeprefix("-") in ORDERS else "",
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
    )


def select(jobs: Iterable[Picture], query: Query) -> Page:
    """One page of the jobs that are asked for; of a page beyond the last one, the last one."""
    near = [each for each in jobs if _passes(each, query)]
    found = matching(near, Query(state=query.state))
    pages = max(1, -(-len(found) // SIZE))
    asked = replace(query, page=min(query.page, pages))
    start = (asked.page - 1) * SIZE
    return Page(
        asked, tuple(in_order(found, query.sort)[start : start + SIZE]), len(found), pages, _states(near)
    )


def matching(jobs: Iterable[Picture], query: Query) -> list[Picture]:
    """The jobs that pass all filters."""
    return [each for each in jobs if query.state in ("", state_of(each)) and _passes(each, query)]


def in_order(jobs: Iterable[Picture], sort: str = "") -> list[Picture]:
    """By namespace and name; then, where wanted, by a column. So equal ones stay in their order."""
    by_name = sorted(jobs, key=lambda p: (p.declared.namespace, p.declared.name, p.declared.uid))
    column = sort.removeprefix("-")
    return sorted(by_name, key=ORDERS[column], reverse=sort.startswith("-")) if column else by_name


def _passes(job: Picture, query: Query) -> bool:
    """All filters but the state's, of which people are told how many there are in each."""
    declared = job.declared
    return (
        query.namespace in ("", declared.namespace)
        and query.queue in ("", queue_of(job))
        and query.user in ("", user_of(job))
        and query.text.casefold() in f"{declared.namespace}/{declared.name}".casefold()
    )


def _rank(state: str) -> int:
    return STATES.index(state) if state in STATES else len(STATES)


def _states(jobs: Iterable[Picture]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(map(state_of, jobs)).items(), key=lambda each: (_rank(each[0]), each[0])))
