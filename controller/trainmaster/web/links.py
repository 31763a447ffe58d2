"""Links from a job's page to where else something is told of it, by templates of the settings. Pure.

What comes from a job is escaped, and stands behind the host, which the settings alone say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from trainmaster.master.picture import Picture
from trainmaster.observe.traces.spans import trace_id
from trainmaster.settings import Link
from trainmaster.settings.showing import PLACES
from trainmaster.web.listing import queue_of, user_of


def links_of(picture: Picture, links: Sequence[Link]) -> Iterator[tuple[str, str]]:
    """Name and address of each. One that needs what isn't known yet, such as an application, is left out, and so is one that
    needs what is nothing but dots: however these are written, browsers go up by them."""
    values = _values(picture) if links else {}
    for link in links:
        if all(values[place].strip(".") for place in PLACES.findall(link.url)):
            yield link.name, PLACES.sub(lambda found: quote(values[found[1]], safe=""), link.url)


def _values(picture: Picture) -> Mapping[str, str]:
    declared, status = picture.declared, picture.status
    return {
        "job": declared.name,
        "namespace": declared.namespace,
        "uid": declared.uid,
        "user": user_of(picture),
        "queue": queue_of(picture),
        "application": status.application_id or next(iter(status.earlier_application_ids[-1:]), ""),
        "run": str(status.rerun),
        "trace": trace_id(declared.uid, status.rerun),
    }
