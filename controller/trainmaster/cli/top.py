"""`top`: what jobs, replicas, nodes and GPUs use of what they asked for, as the controller tells."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from trainmaster.cli import tables, terminal
from trainmaster.cli.chosen import Selector
from trainmaster.cli.exits import MissingError, UsageError
from trainmaster.cli.options import Choices, with_choices
from trainmaster.cli.pages_of import Controller, TokenFile, address_of, asked
from trainmaster.cli.store import usual_namespace
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.printable import printable

GIB: Final = 1024**3
WATCH: Final = 5.0
"""seconds between two prints"""
CLEAR: Final = "\x1b[H\x1b[2J"
UNKNOWN: Final = "-"
Row = Mapping[str, Any]


class Of(StrEnum):
    """What is listed."""

    JOBS = "jobs"
    REPLICAS = "replicas"
    NODES = "nodes"
    GPUS = "gpus"


class Output(StrEnum):
    """How it is printed."""

    TABLE = "table"
    JSON = "json"


class Sort(StrEnum):
    """By what rows are put in order, the most first; by name where nothing is said."""

    NAME = "name"
    MEMORY = "memory"
    CPU = "cpu"
    PEAK = "peak"
    GPU = "gpu"


ORDERS: Final[Mapping[Sort, Callable[[Row], float]]] = {
    Sort.MEMORY: lambda row: row.get("memory", {}).get("used", -1),
    Sort.CPU: lambda row: row.get("cpu", {}).get("usedCores", -1),
    Sort.PEAK: lambda row: row.get("memory", {}).get("peakRatio", -1),
    Sort.GPU: lambda row: row.get("utilization", -1),
}
FIRST_TO_GO: Final = ("QUEUE", "USER", "NODE", "CPU-PEAK", "TEMPERATURE", "REPLICAS", "NAMESPACE")


@with_choices
def top(
    choices: Choices,
    of: Annotated[Of, typer.Argument(help="What is listed.")] = Of.JOBS,
    name: Annotated[
        str, typer.Argument(help="Of this job alone; left out: of all of the namespace.", metavar="[JOB]")
    ] = "",
    selector: Selector = "",
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Jobs of all namespaces.")
    ] = False,
    sort: Annotated[Sort, typer.Option("--sort-by", help="The most first.")] = Sort.NAME,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print it anew every few seconds.")] = False,
    headers: Annotated[
        bool, typer.Option("--headers/--no-headers", help="Whether columns have names.")
    ] = True,
    controller: Controller = "",
    token_file: TokenFile = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """Tell what memory, CPU and GPUs are used, of what was asked for."""
    if name and all_namespaces:
        raise UsageError("a job has one namespace: leave out -A, or the job")
    words = {"selector": selector, "job": name} | (
        {} if all_namespaces else {"namespace": usual_namespace(choices)}
    )
    asked_for = {key: value for key, value in words.items() if value}
    address = address_of(choices.settings(), controller)

    def told() -> Any:
        try:
            return asked(address, f"/api/use/{of.value}", "use", token_file, asked_for)
        except InvalidError as error:
            raise UsageError(f"-l: {error}") from error

    _print(told(), of, sort, output, headers=headers, about=_about(name, asked_for))
    while watch:
        time.sleep(WATCH)
        try:
            found = told()
        except UnavailableError as error:  # a controller may restart: ask again
            print(f"warning: {error}", file=sys.stderr)
            continue
        if output is Output.TABLE and sys.stdout.isatty():
            print(CLEAR, end="")
        _print(found, of, sort, output, headers=headers, about="")


def _about(name: str, words: Mapping[str, str]) -> str:
    return f"{words['namespace']}/{name}" if name else ""


def _print(told: Any, of: Of, sort: Sort, output: Output, *, headers: bool, about: str) -> None:
    rows = in_order(told["rows"], sort)
    for each in told["troubles"]:
        others = f" and {each['nodes'] - 1} more" if each["nodes"] > 1 else ""
        print(printable(f"warning: {each['first']}{others}: {each['trouble']}"), file=sys.stderr)
    if output is Output.JSON:
        print(json.dumps(told | {"rows": rows}, indent=2, ensure_ascii=False))
    elif rows:
        header, cells = COLUMNS[of]
        lines = tables.narrow(header, [cells(row) for row in rows], FIRST_TO_GO, terminal.room())
        print("\n".join(lines if headers else lines[1:]), flush=True)
        if told["leftOut"]:
            print(f"note: {told['leftOut']} more are left out", file=sys.stderr)
    elif about:
        raise MissingError(f"job {about} has no containers, or isn't there")
    else:
        print("Nothing has containers.", file=sys.stderr)


def in_order(rows: list[Row], sort: Sort) -> list[Row]:
    """The most first; of equals, and where nothing is said, as they came."""
    return sorted(rows, key=ORDERS[sort], reverse=True) if sort in ORDERS else rows


# --- one row


def _job(row: Row) -> tuple[str, ...]:
    replicas = f"{row['told']}/{row['replicas']}"
    return (row["namespace"], row["job"], row["state"], replicas, *_use(row), row["queue"], row["user"])


def _replica(row: Row) -> tuple[str, ...]:
    return row["namespace"], row["job"], f"{row['role']}-{row['index']}", *_use(row), row["node"]


def _node(row: Row) -> tuple[str, ...]:
    total = row["total"]
    room = f"{total['memory'] / GIB:.0f} GiB" if total else UNKNOWN
    return row["node"], str(row["replicas"]), *_use(row)[:4], str(row["gpus"]), room


def _gpu(row: Row) -> tuple[str, ...]:
    memory = row["memory"]
    used = f"{memory['used'] / GIB:.1f} of {memory['total'] / GIB:.1f} GiB" if len(memory) == 2 else UNKNOWN
    heat = f"{row['celsius']:.0f} °C" if "celsius" in row else UNKNOWN
    whose = row["namespace"], row["job"], f"{row['role']}-{row['index']}"
    return row["node"], str(row["gpu"]), _load(row), used, heat, *whose


def _use(row: Row) -> tuple[str, ...]:
    memory, cpu = row["memory"], row["cpu"]
    used = f"{memory['used'] / GIB:.1f}" if "used" in memory else UNKNOWN
    cores = f"{cpu['usedCores']:.1f}" if "usedCores" in cpu else UNKNOWN
    return (
        f"{used} of {memory['requested'] / GIB:.1f} GiB",
        f"{memory['peakRatio'] * 100:.0f} %" if "peakRatio" in memory else UNKNOWN,
        f"{cores} of {cpu['requestedVcores']}",
        f"{cpu['peakCores']:.1f}" if "peakCores" in cpu else UNKNOWN,
        f"{row['gpus']} ({_load(row)})" if row["gpus"] else UNKNOWN,
    )


def _load(row: Row) -> str:
    return f"{row['utilization'] * 100:.0f} %" if "utilization" in row else UNKNOWN


USED: Final = ("MEMORY", "MEMORY-PEAK", "CPU", "CPU-PEAK", "GPUS")
COLUMNS: Final[Mapping[Of, tuple[tuple[str, ...], Callable[[Row], tuple[str, ...]]]]] = {
    Of.JOBS: (("NAMESPACE", "JOB", "STATE", "REPLICAS", *USED, "QUEUE", "USER"), _job),
    Of.REPLICAS: (("NAMESPACE", "JOB", "REPLICA", *USED, "NODE"), _replica),
    Of.NODES: (("NODE", "REPLICAS", *USED, "HAS"), _node),
    Of.GPUS: (("NODE", "GPU", "BUSY", "MEMORY", "TEMPERATURE", "NAMESPACE", "JOB", "REPLICA"), _gpu),
}
