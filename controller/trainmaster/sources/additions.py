"""A look that only brought new documents, where each is plainly one job's: taken in without going over all the others. Pure.

It comes to what claims.py and absences.py would come to; whatever isn't plain is theirs. Never here: which of two counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set

from trainmaster.sources.claims import first_seen, taken
from trainmaster.sources.reading import FileRead
from trainmaster.sources.sightings import Identity, JobState, Look

States = Mapping[Identity, JobState]


def plainly(
    look: Look,
    jobs: States,
    absent: Set[Identity],
    left: Set[Identity],
    others: Collection[Identity],
    new_uid: Callable[[], str],
) -> dict[Identity, JobState] | None:
    """The jobs that the look brought, or brought for the first time; None where that can't be told of it alone.

    `absent` are those of `jobs` that the look before lacked, `left` those that had no document where theirs was, `others` the
    names of what declared none.
    """
    added = look.added
    if added is None or look.marks or look.confirmed:
        return None
    found = {read.identity: read for read in sorted(added.values(), key=lambda read: read.order)}
    there = [identity for identity in found if identity in jobs]
    rest = absent - found.keys()
    plain = (
        len(found) == len(added)
        and found.keys().isdisjoint(others)
        and all(identity in absent and _is_its_own(jobs[identity], found[identity]) for identity in there)
        and all(read.job is not None for read in found.values())
        # Else what is new may be what one of those was (moves.py).
        and (len(there) == len(found) or not left)
        and all(_waits_unseen(jobs[identity], look) for identity in rest)
    )
    return {i: _state(jobs, i, read, look, new_uid) for i, read in found.items()} if plain else None


def _state(
    jobs: States, identity: Identity, read: FileRead, look: Look, new_uid: Callable[[], str]
) -> JobState:
    known = jobs.get(identity)
    return taken(known, read) if known else first_seen(new_uid(), read, look.today)


def _is_its_own(state: JobState, read: FileRead) -> bool:
    """Whether the document stands where the job was, and is its owner's."""
    record = state.record
    return not state.deleting and record.owner in ("", read.entry.owner) and record.path in ("", read.path)


def _waits_unseen(state: JobState, look: Look) -> bool:
    """Whether nothing becomes of it, since its file may be there."""
    record = state.record
    return not state.deleting and state.missing_since is None and look.may_hide(record.path, record.owner)
