"""`nodes`: what each node holds of ours, who leaves it alone and why, as the controller tells; and saying that one is well again.

Never here: what the controller makes of nodes (plan/suspects.py, plan/health.py).
"""

from __future__ import annotations

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trainmaster.cli import tables, terminal
from trainmaster.cli.exits import MissingError, UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.pages_of import Controller, TokenFile, address_of, asked
from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.printable import printable

if TYPE_CHECKING:
    from trainmaster.settings import Settings

HEADER: Final = ("NODE", "STATE", "CONTAINERS", "GPUS", "FREE", "JOBS", "WHY")
FIRST_TO_GO: Final = ("FREE", "JOBS", "GPUS", "CONTAINERS")
NAMED: Final = 3
"""jobs in one cell"""
Row = dict[str, Any]
"""one node as /api/nodes tells it"""


class Output(StrEnum):
    """How nodes are printed."""

    TABLE = "table"
    JSON = "json"


@with_choices
def nodes(
    choices: Choices,
    hosts: Annotated[list[str] | None, typer.Argument(help="These nodes; left out: see --all.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", "-a", help="Also nodes that hold nothing of ours, and are well.")
    ] = False,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Say that these nodes are well again: no job avoids them for what was."),
    ] = False,
    controller: Controller = "",
    token_file: TokenFile = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """Tell what each node holds of ours, and which nodes jobs leave alone."""
    wanted = tuple(hosts or ())
    address = address_of(choices.settings(), controller)
    if clear:
        _clear(choices, wanted, address, token_file)
        return
    told = _asked(address, token_file)
    if unknown := set(wanted) - {row["host"] for row in told["nodes"]}:
        raise MissingError(f"{', '.join(sorted(unknown))}: there is no such node in the cluster")
    told["nodes"] = [row for row in told["nodes"] if _is_shown(row, wanted, all_)]
    _print(told, output)


def _asked(address: str, token_file: Path | None) -> Any:
    return asked(address, "/api/nodes", "nodes", token_file)


def _is_shown(row: Row, wanted: tuple[str, ...], all_: bool) -> bool:
    if wanted:
        return row["host"] in wanted
    bad = "suspect" in row or row["calledBad"] or row["avoidingJobs"]
    return bool(all_ or bad or row["ours"]["containers"])


# --- saying that nodes are well again


def _clear(choices: Choices, hosts: tuple[str, ...], address: str, token_file: Path | None) -> None:
    from trainmaster.sources.cleared import check_host

    if not hosts:
        raise UsageError("--clear needs the nodes that are well again")
    for host in hosts:
        check_host(host)
    known = _known(address, token_file)
    if known is not None and (unknown := set(hosts) - known.keys()):
        raise MissingError(f"{', '.join(sorted(unknown))}: there is no such node in the cluster")
    _write(choices, hosts)
    for host in hosts:
        print(f"node {host} cleared")
        for each in known[host]["calledBad"] if known else ():
            print(
                f"note: {each['source']} goes on calling {host} bad ({each['why']}), until it says otherwise",
                file=sys.stderr,
            )


def _known(address: str, token_file: Path | None) -> dict[str, Row] | None:
    """The nodes by name; None where no controller tells: what is said is heeded by the next one."""
    try:
        return {row["host"]: row for row in _asked(address, token_file)["nodes"]}
    except (DeniedError, UnavailableError) as error:  # who may write the mark needn't be one who may look
        print(f"note: whether there are such nodes isn't known: {error}", file=sys.stderr)
        return None


def _write(choices: Choices, hosts: tuple[str, ...]) -> None:
    """Where jobs are that these choices lead to, as for every command."""
    from trainmaster.cli.store import settings_of

    settings = settings_of(choices)
    if settings.source == "kubernetes":
        import asyncio

        asyncio.run(_on_lease(choices, settings, hosts))
        return
    from trainmaster.sources.cleared import mark
    from trainmaster.sources.layout import Layout
    from trainmaster.sources.stores import open_files, own_files

    store = open_files(settings.store, settings.hadoop_conf_dir, settings.hadoop, settings.hadoop_ca_file)
    files, root = own_files(settings, settings.store, store)
    try:
        mark(files, Layout(root).cleared, hosts)
    finally:
        files.close()


async def _on_lease(choices: Choices, settings: Settings, hosts: tuple[str, ...]) -> None:
    from trainmaster.cli.store import connection
    from trainmaster.sources.kubernetes.api import Api
    from trainmaster.sources.kubernetes.clearing import clear

    api = Api(connection(choices), settings.kubernetes.namespace)
    try:
        await clear(api, settings.kubernetes.name, hosts, time.time())
    finally:
        await api.close()


# --- printing


def _print(told: Any, output: Output) -> None:
    for source in told["sources"]:
        if source["trouble"]:
            said = f"warning: {source['name']} tells nothing of nodes: {source['trouble']}"
            print(printable(said), file=sys.stderr)
    if output is Output.JSON:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    elif rows := [cells(row, time.time()) for row in told["nodes"]]:
        print("\n".join(tables.with_sentences(HEADER, rows, FIRST_TO_GO, terminal.room())))
    else:
        print("No node holds anything of ours, and none is left alone.", file=sys.stderr)


def cells(row: Row, now: float) -> tuple[str, ...]:
    """One node under the header."""
    free, ours = row.get("free"), row["ours"]
    room = f"{free['memoryMiB'] // 1024} GiB, {free['gpus']} GPU" if free else ""
    gpus = f"{ours['gpus']} of {row['total']['gpus']}" if free else str(ours["gpus"])
    return row["host"], state(row), str(ours["containers"]), gpus, room, _jobs(row), "; ".join(why(row, now))


def state(row: Row) -> str:
    """One word."""
    if not row["inCluster"]:
        return "Gone"
    by_all = row.get("suspect", {}).get("avoided") or any(each["avoided"] for each in row["calledBad"])
    if by_all:
        return "LeftAlone"
    return "Suspect" if "suspect" in row or row["calledBad"] else "Avoided" if row["avoidingJobs"] else "Well"


def _jobs(row: Row) -> str:
    names = [f"{each['job']} ({each['containers']})" for each in row["jobs"]]
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def why(row: Row, now: float) -> list[str]:
    """What is said of it, who leaves it alone, and for how long."""
    from trainmaster.observe.ages import since

    said = [f"{each['source']}: {each['why']} (for {since(each['since'], now)})" for each in row["calledBad"]]
    if suspect := row.get("suspect"):
        all_the_same = f" (not left alone: {suspect['whyNot']})" if suspect.get("whyNot") else ""
        said.append(f"failed {suspect['jobs']} jobs: {', '.join(suspect['causes'])}{all_the_same}")
    said += [_avoids(each, now) for each in row["avoidedBy"]]
    others = row["avoidingJobs"] - len(row["avoidedBy"])
    return [*said, f"avoided by {others} other jobs"] if others else said


def _avoids(each: Row, now: float) -> str:
    from datetime import datetime

    from trainmaster.observe.ages import short_age

    left = short_age(datetime.fromisoformat(each["until"]).timestamp() - now)
    times = f", {each['times']} times" if each["times"] > 1 else ""
    return f"avoided by {each['job']} for {left} ({each['cause']}{times})"
