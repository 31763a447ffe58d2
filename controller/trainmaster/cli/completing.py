"""What a shell offers behind `trainmaster get <TAB>`: names of jobs, of their roles and of namespaces.

Whatever goes wrong, nothing is offered and nothing is said: somebody is in the midst of typing.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from trainmaster.cli.options import own_choices
from trainmaster.cli.store import open_store

if TYPE_CHECKING:
    from trainmaster.sources.jobs import Jobs

PATIENCE = 5.0
"""seconds after which a store that doesn't answer is left alone"""
PLUGIN = "kubectl-trainmaster"
NO_FILES = ":4"
"""by which kubectl is told to offer no files beside (Cobra's ShellCompDirectiveNoFileComp)"""


def jobs(context: typer.Context, incomplete: str) -> list[str]:
    """Names of jobs in the namespace."""
    named = context.params.get("names") or ()
    return _offered(context, incomplete, lambda store, namespace: _names(store, namespace, named))


def roles(context: typer.Context, incomplete: str) -> list[str]:
    """Roles of the job that was named."""
    # What stood before an option that has no value yet isn't taken for the command's arguments.
    name = str(context.params.get("name") or next(iter(context.args), ""))
    return _offered(context, incomplete, lambda store, namespace: _roles(store, namespace, name))


def namespaces(context: typer.Context, incomplete: str) -> list[str]:
    """Namespaces that have jobs."""
    return _offered(context, incomplete, lambda store, _: sorted({job.namespace for job in store.list()}))


def plugin() -> None:
    """The program `kubectl_complete-trainmaster`, which kubectl asks: its last argument is what was begun."""
    from trainmaster.cli.main import app

    words = sys.argv[1:] or [""]
    variable = f"_{PLUGIN}_COMPLETE".replace("-", "_").upper()
    os.environ |= {
        variable: "complete_bash",
        "COMP_WORDS": shlex.join([PLUGIN, *words]),
        "COMP_CWORD": str(len(words)),
    }
    with contextlib.suppress(SystemExit):
        app(prog_name=PLUGIN)
    print(NO_FILES)


def _offered(
    context: typer.Context, incomplete: str, known: Callable[[Jobs, str], Iterable[str]]
) -> list[str]:
    try:
        with _in_time(), contextlib.redirect_stderr(io.StringIO()):
            choices = own_choices(context)
            store = open_store(choices)
            return [each for each in known(store, choices.in_namespace(store)) if each.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - see above
        return []


def _names(store: Jobs, namespace: str, named: Iterable[str]) -> list[str]:
    return [job.name for job in store.list(namespace) if job.name not in named]


def _roles(store: Jobs, namespace: str, name: str) -> list[str]:
    job = store.get(namespace, name).job
    return list(job.spec.roles) if job else []


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """A library that waits for a store can't be interrupted, so the process ends."""
    watchdog = threading.Timer(PATIENCE, os._exit, (0,))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
