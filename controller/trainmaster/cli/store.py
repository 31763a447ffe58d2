"""Opening the store that a command works on, and looking jobs up in it by the names people type."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainmaster.cli.options import Choices
    from trainmaster.sources.store import JobStore


def open_store(choices: Choices) -> JobStore:
    """The store of the settings. Raises SettingsError, or UnavailableError when it can't be reached."""
    from trainmaster.sources.store import JobStore

    settings = choices.settings()
    return JobStore(settings.store, settings.hadoop_conf_dir, settings.hadoop_ca_file)


def say_if_new(store: JobStore) -> None:
    """A first `apply` makes the store, and so would one to a mistyped URL, where nobody would ever look."""
    if not store.is_there:
        print(
            f"warning: there was no store {store.url}: it is made now, and a controller must look there",
            file=sys.stderr,
        )
