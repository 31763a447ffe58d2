"""Which epochs were led in, as the journal's folder tells: a file for each, made by whoever takes it before he leads by it.

The lease's folder alone doesn't do: it may be wiped, under a leader that doesn't know yet and whose epoch would be given
away once more. Never here: who leads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainmaster.sources.files import Files
from trainmaster.sources.walking import Limits

_MARK = "epoch-"
_NAME = re.compile(rf"(?:{_MARK})?(\d{{6,}})")
"""a mark, or the records of that epoch"""
_KEPT = 5
"""marks that are kept, for people to read; the newest tells the epoch, and is never removed"""
_TOP = Limits(depth=0, entries=1 << 30)
"""of the journal's folder, and not of the thousands of records below"""


class Epochs:
    """All calls block."""

    def __init__(self, files: Files, folder: str) -> None:
        """`folder` is the journal's."""
        self._files, self._folder = files, folder

    def newest(self) -> int:
        """The highest epoch that anybody took, or kept records in; 0 in a new store."""
        return max((epoch for epoch, _ in self._known()), default=0)

    def take(self, epoch: int, duration: float) -> bool:
        """Whether nobody has taken this one before: of several that try, one succeeds. It stands there that whoever leads in it
        renews within `duration` seconds."""
        self._files.make_folder(self._folder, 0o700)
        try:
            self._files.create(self._mark(epoch), str(duration).encode())
        except FileExistsError:
            return False
        for old, name in list(self._known()):
            if name.startswith(_MARK) and old <= epoch - _KEPT:
                self._files.delete(f"{self._folder}/{name}")
        return True

    def duration(self, epoch: int) -> float:
        """Seconds within which whoever leads in it renews; 0 where nobody does, or an older controller, which tells none."""
        try:
            told = self._files.read(self._mark(epoch), 64)
            return float(told) if told else 0.0
        except (FileNotFoundError, ValueError):
            return 0.0

    def _mark(self, epoch: int) -> str:
        return f"{self._folder}/{_MARK}{epoch:06d}"

    def _known(self) -> Iterator[tuple[int, str]]:
        try:
            listing = self._files.walk(self._folder, _TOP)
        except FileNotFoundError:
            return
        for entry in listing.entries:
            name = entry.path[len(self._folder) + 1 :]
            if match := _NAME.fullmatch(name):
                yield int(match[1]), name
