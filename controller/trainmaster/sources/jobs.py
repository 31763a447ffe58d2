"""Where jobs are declared, as the command line sees it: a folder of files (store.py) or an API server (kubernetes/jobs.py).

Synchronous, since a command does one thing; usable beside a running loop. Never here: what only a controller may do.
"""

from __future__ import annotations

from typing import Protocol

from trainmaster.sources.editing import Changes
from trainmaster.sources.stored import Applied, Past, StoredJob


class Jobs(Protocol):
    """All raise UnavailableError when nothing is known, and DeniedError with the right that is missing."""

    @property
    def namespace(self) -> str:
        """The namespace of what names none."""

    @property
    def place(self) -> str:
        """Which it is, in words that complete `in the ...`."""

    @property
    def scope(self) -> str:
        """What stands before a namespace in the staging folder, so that jobs of another place with its name and a job's are told
        apart; empty for the store that the folder is part of."""

    @property
    def is_there(self) -> bool:
        """Whether anybody has made this place; if not, the first `apply` does."""

    def make(self, controller: str) -> None:
        """Make the place where there is none, for jobs of a controller that is this user to it; empty: it may be anybody.
        InvalidError and DeniedError where that is somebody else's to do."""

    # --- reading

    def list(self, namespace: str | None = None) -> list[StoredJob]:
        """All jobs, of one namespace or of all, by namespace and name."""

    def get(self, namespace: str, name: str) -> StoredJob:
        """One job. NoSuchJobError when there is none."""

    def find(self, namespace: str, name: str) -> StoredJob | None:
        """The job, or None when it was asked for and isn't there."""

    def past(self, namespace: str, name: str) -> Past:
        """What is known of its past. NoSuchJobError where that is nothing."""

    def is_gone(self, namespace: str, name: str, last: StoredJob | None) -> bool:
        """Whether nothing is left of a deleted job, neither at a controller; `last` is what was seen of it last, if anything."""

    # --- changing

    def apply(
        self, text: str, namespace: str = "", name: str = "", force: bool = False, dry: bool = False
    ) -> Applied:
        """Create the job, or change it to what the text says; `dry`: judge all of it, and do nothing.

        InvalidError says what is wrong with the text, what of it can't change, and whose settings it would undo; the last unless
        `force`. `namespace` and `name` serve a text that doesn't give its own.
        """

    def compared(self, text: str, namespace: str = "", name: str = "") -> tuple[str, str]:
        """What is declared now, and what would be by applying that, as texts; the first is empty where nothing is."""

    def edit(self, namespace: str, name: str, changes: Changes, by: str = "") -> StoredJob:
        """Set single fields. InvalidError when the result would be no valid job.

        `by` is the command that sets them, on purpose: an older file that is applied doesn't undo it unasked.
        """

    def delete(self, namespace: str, name: str, now: bool = False) -> StoredJob:
        """Take the declaration back; `now` gives its processes no time to end in, also where it is being deleted already.

        NoSuchJobError when there is none.
        """

    def rerun(self, namespace: str, name: str) -> int:
        """Have a finished job run again; the number of that run. InvalidError while it isn't finished.

        It comes up running, also where its declaration was set to be suspended after its end.
        """
