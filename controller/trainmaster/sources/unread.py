"""What a listing left out, as a file that gives no job: so it's told where people look, in a status of its owner. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from trainmaster.sources.files import Entry, LeftOut, Listing
from trainmaster.sources.layout import Layout
from trainmaster.sources.reading import FileRead, problem, refused


def notices(listing: Listing, layout: Layout) -> dict[str, FileRead]:
    """One for each owner of whom something was left out, by a path that no job can have."""
    return {read.path: read for read in _notices(listing, layout)}


def _notices(listing: Listing, layout: Layout) -> Iterator[FileRead]:
    for each in listing.left_out:
        path = f"_unread-{_printable(each.owner).replace('/', '_')}.yaml"
        entry = Entry(layout.job(path), size=0, modified=0, owner=each.owner, mode=0o644)
        yield refused(path, entry, problem(_sentence(each, layout)))


def _sentence(left: LeftOut, layout: Layout) -> str:
    named = "; ".join(f"{_short(layout.below_jobs(path))} {why}" for path, why in left.examples)
    more = left.count - len(left.examples)
    rest = f"; and {more} more" if more > 0 else ""
    return f"not read of {_printable(left.owner)}'s files and folders: {named}{rest}. Jobs there go on as they were"


def _short(path: str) -> str:
    text = _printable(path)
    return text if len(text) <= 80 else f"{text[:38]}…{text[-38:]}"


def _printable(text: str) -> str:
    """A name may hold what no text can: it is shown with question marks."""
    return text.encode(errors="replace").decode()
