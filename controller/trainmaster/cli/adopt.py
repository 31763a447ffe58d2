"""`adopt`: jobs of one installation on Kubernetes are handed over to another, or to a new name."""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli.exits import UsageError

if TYPE_CHECKING:
    from trainmaster.sources.kubernetes.moving import Side

Old = Annotated[
    str,
    typer.Option(
        "--from",
        help="NAMESPACE/NAME of the installation that drives them; its identity where all of it is gone.",
    ),
]
New = Annotated[str, typer.Option("--into", help="NAMESPACE/NAME of the installation that is to drive them.")]
Jobs = Annotated[
    list[str] | None, typer.Argument(help="NAMESPACE/NAME of each job; all of them when left out.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Though a controller of either leads: have it stand still meanwhile, and lead again after.",
    ),
]
Lease = Annotated[float, typer.Option(help="Setting lease_duration of both, in seconds.")]
Kubeconfig = Annotated[str, typer.Option(help="Instead of KUBECONFIG.")]


WARNING = (
    "warning: --force takes the lease of {sides} from whoever leads. Nobody drives their jobs until all is handed over, which"
    " takes {duration:g} s and longer; what runs goes on. A controller of a version before this, or with a longer lease_duration"
    " than its Lease says, could still act on a job that is no longer its own: stop it instead"
)


def adopt(
    old: Old,
    into: New,
    jobs: Jobs = None,
    force: Force = False,
    lease_duration: Lease = 10.0,
    kubeconfig: Kubeconfig = "",
) -> None:
    """Hand jobs on Kubernetes over to another installation, or rename one. Stop the controllers of both before."""
    from trainmaster.sources.kubernetes import moving
    from trainmaster.sources.kubernetes.api import Api
    from trainmaster.sources.kubernetes.connection import Connection

    connection = Connection(kubeconfig)

    def side(named: str) -> Side:
        namespace, name = _pair(named)
        return moving.Side(Api(connection, namespace), name, lease_duration)

    if old == into:
        raise UsageError(f"--from and --into both name {old}")
    gone, chosen = _is_identity(old), [_pair(job) for job in jobs or ()]
    new = side(into)
    if force:
        named = into if gone else f"{old} and {into}"
        print(WARNING.format(sides=named, duration=lease_duration), file=sys.stderr)
    if gone:
        asyncio.run(moving.adopt_abandoned(old, new, chosen, print, force))
    else:
        asyncio.run(moving.adopt(side(old), new, chosen, print, force))


def _pair(named: str) -> tuple[str, str]:
    namespace, slash, name = named.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise UsageError(f"{named}: NAMESPACE/NAME is wanted")
    return namespace, name


def _is_identity(named: str) -> bool:
    try:
        return str(uuid.UUID(named)) == named
    except ValueError:
        return False
