"""The entry: which commands there are, and how errors become one line and an exit code.

Each command's work is in its own module; this file only mounts them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn

import typer

from trainmaster.cli import (
    adopt,
    apply,
    change,
    check,
    controller,
    describe,
    ending,
    events,
    get,
    history,
    init,
    logs,
    nodes,
    options,
    prepare,
    report,
    run_job,
    top,
    wait,
)
from trainmaster.cli.exits import ExitCode, tell

app = typer.Typer(
    name="trainmaster",
    callback=options.first_options,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

SERVE, DECLARE, LOOK, CHANGE = "Run it", "Declare", "Look", "Change"
PANELS: dict[str, dict[str, Callable[..., None]]] = {
    SERVE: {"controller": controller.controller, "adopt": adopt.adopt},
    DECLARE: {
        "init": init.init,
        "run": run_job.run,
        "apply": apply.apply,
        "diff": apply.diff,
        "validate": check.validate,
        "explain": check.explain,
    },
    LOOK: {
        "get": get.get,
        "describe": describe.describe,
        "events": events.events,
        "logs": logs.logs,
        "wait": wait.wait,
        "top": top.top,
        "nodes": nodes.nodes,
        "history": history.history,
        "report": report.report,
    },
    CHANGE: {
        "delete": change.delete,
        "suspend": change.suspend,
        "resume": change.resume,
        "rerun": change.rerun,
        "scale": change.scale,
    },
}
for panel, commands in PANELS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)


app.add_typer(prepare.app, name="store", rich_help_panel=SERVE)


@app.command(rich_help_panel=SERVE, context_settings=ANYTHING, add_help_option=False)
def local(context: typer.Context) -> None:
    """A real Hadoop, and a Kubernetes API server, on this machine: up, down, status, env, kubectl."""
    from trainmaster.cli.local import app as local_app  # mounted here, not above: its imports are slow

    code = local_app(args=context.args, prog_name="trainmaster local", standalone_mode=False)
    raise typer.Exit(code or 0)


@app.command(rich_help_panel=SERVE)
def version() -> None:
    """Print the version."""
    options.print_version()


def run() -> NoReturn:
    """The `trainmaster` program: never a traceback for what a person can mend."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a terminal of few letters can't show
    try:
        code = app(standalone_mode=False)
        if sys.stdout:  # none where it was closed before we began
            sys.stdout.flush()
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        code = tell(error)
    if code in {ExitCode.CLOSED_PIPE, ExitCode.OUTPUT}:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else Python complains while it flushes
    ending.leave(code or 0)
