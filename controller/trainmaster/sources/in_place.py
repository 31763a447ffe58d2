"""What stands in the store for one job, changed or taken out unless somebody else changed its file meanwhile.

Never here: which change (rewriting.py).
"""

from __future__ import annotations

from collections.abc import Callable

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.sources.files import Files, Still
from trainmaster.sources.layout import is_whole
from trainmaster.sources.reading import MAX_BYTES, FileRead
from trainmaster.sources.rewriting import CHANGED, without_document


def change(
    files: Files, read: FileRead, changed: Callable[[bytes, FileRead], bytes], still: Still = lambda: None
) -> None:
    """Put what `changed` makes of the file in its place; it stays its owner's. InvalidError when it was changed since `read`, or
    would grow too large."""
    before = files.stat(read.entry.path)
    was = files.read(read.entry.path, MAX_BYTES + 1)
    data = changed(was, read)
    if len(data) > MAX_BYTES:
        raise InvalidError(f"{read.path}: the file would be larger than {MAX_BYTES} bytes")

    def still_same() -> None:
        still()
        touched = files.stat(read.entry.path).stamp != before.stamp
        if (
            touched and files.read(read.entry.path, MAX_BYTES + 1) != was
        ):  # HDFS moves the time once more on closing
            raise InvalidError(f"{read.path} {CHANGED}")

    files.replace_if(read.entry.path, data, before.mode & 0o777, still_same, before.owner)


def take_away(files: Files, read: FileRead, still: Still = lambda: None) -> None:
    """Remove what declares a job: its file, or its document where others stand in it. UnavailableError when the file says
    something else by now, and may hold another job."""
    if not is_whole(read.path):
        change(files, read, without_document, still)
        return
    data = files.read(read.entry.path, MAX_BYTES + 1)
    if not read.text or data.decode("utf-8-sig", "replace") != read.text:
        raise UnavailableError(f"{read.path} was changed, and may hold another job")
    still()
    files.delete_below(read.entry.path.removesuffix(f"/{read.path}"), read.path)
