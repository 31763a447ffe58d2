"""The fleet as the JSON of the API. Pure. Never here: a job's spec, whose environment may hold its user's secrets."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from trainmaster.errors import InvalidError
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.web.listing import in_order, matching, parse

LIMIT: Final = 500
"""jobs of one answer at most, and where none is asked for"""


def find(fleet: FleetPicture, namespace: str, name: str) -> Picture | None:
    """The job of that name; of several declarations under it the one that holds the name."""
    found = [p for p in fleet.jobs.values() if (p.declared.namespace, p.declared.name) == (namespace, name)]
    return min(found, key=lambda p: bool(p.declared.duplicate_of), default=None)


def jobs_json(fleet: FleetPicture, words: Mapping[str, str]) -> dict[str, object]:
    """So many jobs from a place on, of those that pass the filters; and where the next ones begin, if there are any.

    Raises InvalidError where `limit` or `continue` can't be meant.
    """
    limit, after = _limit(words.get("limit", "")), _place(words.get("continue", ""))
    found = [
        p for p in in_order(matching(fleet.jobs.values(), parse(words))) if after is None or _key(p) > after
    ]
    more = {"continue": _token(found[limit - 1]), "remaining": len(found) - limit} if found[limit:] else {}
    return {"jobs": [job_json(picture) for picture in found[:limit]], **more}


def _limit(word: str) -> int:
    if not word:
        return LIMIT
    if not (word.isascii() and word.isdigit() and 1 <= int(word[:6]) <= LIMIT and len(word) <= 6):
        raise InvalidError(f"limit: a whole number from 1 to {LIMIT} is needed, not {word[:40]!r}")
    return int(word)


def _key(picture: Picture) -> tuple[str, ...]:
    return picture.declared.namespace, picture.declared.name, picture.declared.uid


def _token(last: Picture) -> str:
    """A place in the order and no number: jobs come and go between two requests."""
    return urlsafe_b64encode("\n".join(_key(last)).encode()).decode().rstrip("=")


def _place(token: str) -> tuple[str, ...] | None:
    if not token:
        return None
    try:
        place = tuple(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split("\n"))
    except ValueError:
        place = ()
    if len(place) != 3:
        raise InvalidError("continue: it isn't what an earlier answer gave")
    return place


def job_json(picture: Picture) -> dict[str, object]:
    declared = picture.declared
    return {
        "namespace": declared.namespace,
        "name": declared.name,
        "uid": declared.uid,
        "source": declared.source,
        "path": declared.path,
        "owner": declared.owner,
        "generation": declared.generation,
        "status": picture.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def as_text(document: Mapping[str, object]) -> str:
    """A document as JSON, each item of its lists encoded by itself: Python's encoder lets no other thread work before it is done,
    and of a thousand jobs that takes longer than a heartbeat may wait."""
    return f"{{{', '.join(f'{json.dumps(name)}: {_encoded(value)}' for name, value in document.items())}}}"


def _encoded(value: object) -> str:
    return f"[{', '.join(map(json.dumps, value))}]" if isinstance(value, list) else json.dumps(value)


def job_text(picture: Picture) -> str:
    """One job as JSON."""
    return json.dumps(job_json(picture))
