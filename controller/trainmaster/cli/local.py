"""`trainmaster local`: a real Hadoop on this machine, and the control plane of a real Kubernetes if asked for.

Only words for a person live here; the work is done in `trainmaster.local`.
"""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from trainmaster.api.crd import crd_yaml
from trainmaster.errors import TrainmasterError
from trainmaster.local import realm
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.options import PROTECTIONS, VERSIONS, Options, default_folder
from trainmaster.local.security import CONTROLLER

app = typer.Typer(
    help="A real Hadoop (HDFS and YARN), and a real Kubernetes API server, on this machine.",
    no_args_is_help=True,
)

STORE = "/trainmaster"
"""where commands and controllers look that are told nothing else"""
_NAMESPACE = "trainmaster"
"""the controller's own namespace: its journal is not among the jobs' Secrets"""
_Dir = Annotated[
    Path | None, typer.Option("--dir", help="Folder of the cluster; default ~/.local/share/trainmaster/local")
]


@app.command()
def up(
    folder: _Dir = None,
    nodes: Annotated[int | None, typer.Option(help="NodeManagers; default 1")] = None,
    memory: Annotated[int | None, typer.Option(help="MiB that each node offers; default 8192")] = None,
    vcores: Annotated[
        int | None, typer.Option(help="Virtual cores that each node offers; default 64")
    ] = None,
    gpus: Annotated[int | None, typer.Option(help="Pretended GPUs of each node; default none")] = None,
    gpu_isolation: Annotated[
        bool | None,
        typer.Option(
            "--gpu-isolation/--no-gpu-isolation",
            help="Have the NodeManagers give containers their GPUs by number; default no",
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option("--hadoop", help=f"Release of Hadoop: {' or '.join(VERSIONS)}; default the first"),
    ] = None,
    kubernetes: Annotated[
        bool, typer.Option("--kubernetes", help="A Kubernetes API server too, to declare jobs with kubectl")
    ] = False,
    kerberos: Annotated[
        bool | None,
        typer.Option("--kerberos/--no-kerberos", help="A KDC too, of which all ask for tickets; default no"),
    ] = None,
    log_server: Annotated[
        bool | None,
        typer.Option(
            "--log-server/--no-log-server",
            help="Aggregate logs into HDFS when a job is over, and serve them from there; default no",
        ),
    ] = None,
    protection: Annotated[
        str | None,
        typer.Option(help=f"What Kerberos does to RPC: {', '.join(PROTECTIONS)}; default the first"),
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until all of it works")] = 180,
) -> None:
    """Start what doesn't run yet, and wait until all of it works. What isn't given stays as it was."""
    chosen = {
        "nodes": nodes,
        "memory": memory,
        "vcores": vcores,
        "gpus": gpus,
        "gpu_isolation": gpu_isolation,
        "version": version,
        "kerberos": kerberos,
        "log_server": log_server,
        "protection": protection,
    }
    with _told():
        hadoop = _hadoop(folder, {name: value for name, value in chosen.items() if value is not None})
        plane = _kubernetes(folder)
        kubernetes = kubernetes or plane.exists
        if kubernetes:
            plane.program("kubectl", say=typer.echo)  # first what takes longest and may fail
        hadoop.up(timeout, say=typer.echo)
        if kubernetes:
            _start(plane, timeout)
        if hadoop.options.kerberos:
            prepare_store(hadoop)
        typer.echo(_welcome(hadoop, plane if kubernetes else None))


@app.command()
def down(
    folder: _Dir = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove all data too: HDFS, logs, YARN's memory of jobs")
    ] = False,
) -> None:
    """End all daemons and containers."""
    with _told():
        hadoop = _hadoop(folder)
        present = [daemons for daemons in (_kubernetes(folder), hadoop) if daemons.exists]
        for daemons in present:
            daemons.down(purge)
            state = "gone, with its data" if purge else "down"
            typer.echo(f"{daemons.title} in {daemons.folder} is {state}")
        if not present:
            typer.echo(f"there is nothing in {hadoop.folder}")


@app.command()
def status(folder: _Dir = None) -> None:
    """Say of each daemon whether it works; exits with 1 unless all do."""
    with _told():
        plane = _kubernetes(folder)
        daemons = _hadoop(folder).status() + (plane.status() if plane.exists else [])
    for daemon in daemons:
        state = "works" if daemon.ready else f"waits for {daemon.waiting_for}"
        typer.echo(f"{daemon.name:<23} {daemon.pid or '-':>8}  {state}")
    if not all(daemon.ready for daemon in daemons):
        raise typer.Exit(1)


@app.command()
def env(folder: _Dir = None) -> None:
    """Print the environment that points programs at the cluster: eval "$(trainmaster local env)"."""
    with _told():
        plane = _kubernetes(folder)
        variables = _hadoop(folder).environment
        if plane.exists:
            variables |= plane.environment | _for_the_controller()
        for name, value in variables.items():
            typer.echo(f"export {name}={shlex.quote(value)}")


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def kubectl(
    arguments: Annotated[list[str] | None, typer.Argument(help="What kubectl is to do")] = None,
    folder: _Dir = None,
) -> None:
    """Run the kubectl that came with the local Kubernetes on it: trainmaster local kubectl get tj."""
    with _told():
        plane = _kubernetes(folder)
        environ, program = os.environ | plane.environment, plane.program("kubectl", say=typer.echo)
    os.execve(program, ["kubectl", *(arguments or ())], environ)  # noqa: S606 - it becomes kubectl, terminal and all


def _hadoop(folder: Path | None, changes: Mapping[str, object] | None = None) -> LocalHadoop:
    hadoop = LocalHadoop(folder or default_folder())
    if not changes:
        return hadoop
    return LocalHadoop(hadoop.folder, Options.load(dataclasses.asdict(hadoop.options) | dict(changes)))


def prepare_store(hadoop: LocalHadoop) -> None:
    """The controller is a user of its own there, so that a store made by whoever declares the first job wouldn't do for it."""
    from trainmaster.sources import preparing
    from trainmaster.sources.stores import open_files

    with realm.entered(hadoop.environment):
        files, root = open_files(f"{hadoop.addresses.hdfs}{STORE}", hadoop.conf_dir)
        preparing.prepare(files, preparing.folders(root), CONTROLLER)
        files.close()


def _kubernetes(folder: Path | None) -> LocalKubernetes:
    return LocalKubernetes((folder or default_folder()) / "kubernetes")


def _start(plane: LocalKubernetes, timeout: float) -> None:
    """Have it up, knowing our kinds."""
    plane.up(timeout, say=typer.echo)
    plane.define(crd_yaml())
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    plane.kubectl("apply", "-f", "-", stdin=json.dumps(namespace))


def _for_the_controller() -> dict[str, str]:
    """Settings with which the controller takes its jobs from there; all of them run as the present user."""
    policy = [{"namespace": "*", "users": [getpass.getuser()]}]
    return {
        "TRAINMASTER_SOURCE": "kubernetes",
        "TRAINMASTER_KUBERNETES__NAMESPACE": _NAMESPACE,
        "TRAINMASTER_POLICY": json.dumps(policy),
    }


def _welcome(hadoop: LocalHadoop, plane: LocalKubernetes | None) -> str:
    at, options = hadoop.addresses, hadoop.options
    default = hadoop.folder == default_folder().absolute()
    choice = "" if default else f" --dir {shlex.quote(str(hadoop.folder))}"
    gpus = f", {options.gpus} GPUs" if options.gpus else ""
    size = f"{options.memory} MiB, {options.vcores} vcores{gpus}"
    return "\n".join(
        (
            f"Hadoop {options.version} is up: {options.nodes} node(s), each with {size}",
            f"  YARN   {options.yarn_scheme}://{at.rm_web}/cluster",
            f"  HDFS   {at.hdfs}   {options.hdfs_scheme}://{at.namenode_web}/webhdfs/v1/?op=LISTSTATUS",
            f"  logs   {hadoop.folder / 'logs'}",
            *((f"  keys   {hadoop.folder / 'keytabs'}",) if options.kerberos else ()),
            *((f"Kubernetes is up: {plane.url}", f"  logs   {plane.folder / 'logs'}") if plane else ()),
            "Next:",
            f'  eval "$(trainmaster local env{choice})"   # points trainmaster and Hadoop\'s own tools at it',
            "  trainmaster controller",
            *((f"  {_kubectl(choice)} apply -f examples/generic-hello/job.yaml",) if plane else ()),
            f"  trainmaster local down{choice}",
        )
    )


def _kubectl(choice: str) -> str:
    return "kubectl" if shutil.which("kubectl") else f"trainmaster local kubectl{choice}"


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is wrong into one message for a person and the exit code 1."""
    try:
        yield
    except TrainmasterError as error:
        typer.echo(f"trainmaster local: {error}", err=True)
        raise typer.Exit(1) from error
