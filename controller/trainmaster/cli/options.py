"""The options that every command on jobs has: which jobs (--source, --store, --kubeconfig, --context), --namespace, --conf-dir.

They may stand before the command's name or after it; the later one wins.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, wraps
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainmaster.cli.exits import SettingsError, UsageError

if TYPE_CHECKING:
    from trainmaster.api.job import TrainingJob
    from trainmaster.settings import Settings
    from trainmaster.sources.jobs import Jobs

StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Root of the store: hdfs://, webhdfs:// or file:// (TRAINMASTER_STORE)."),
]


class Source(StrEnum):
    """Where jobs are declared."""

    FOLDER = "folder"
    KUBERNETES = "kubernetes"


SourceOption = Annotated[
    Source | None,
    typer.Option("--source", help="Where the jobs are: the store, or an API server (TRAINMASTER_SOURCE)."),
]
KubeconfigOption = Annotated[
    str | None,
    typer.Option("--kubeconfig", help="Of the jobs' API server, as kubectl takes it (KUBECONFIG)."),
]
ContextOption = Annotated[
    str | None, typer.Option("--context", help="In the kubeconfig; left out: its current one.")
]


def _namespaces(context: typer.Context, incomplete: str) -> list[str]:
    from trainmaster.cli import completing

    return completing.namespaces(context, incomplete)


NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace of the jobs (TRAINMASTER_NAMESPACE).",
        autocompletion=_namespaces,
    ),
]
FirstNamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace of the jobs.",
        envvar="TRAINMASTER_NAMESPACE",
        autocompletion=_namespaces,
    ),
]
"""only the first reads the environment: else it would win over the option before the command's name"""
ConfDirOption = Annotated[
    Path | None, typer.Option("--conf-dir", help="Folder of Hadoop's configuration files (HADOOP_CONF_DIR).")
]


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen on the command line; None where nothing was."""

    store: str | None = None
    namespace: str | None = None
    conf_dir: Path | None = None
    source: Source | None = None
    kubeconfig: str | None = None
    context: str | None = None
    plugin: bool = False
    """whether kubectl started us"""
    usual_namespace: str = ""
    """of the environment: for what doesn't say its own"""

    def over(self, other: Choices) -> Choices:
        """These choices, and the other's where these leave something open."""
        return Choices(
            self.store or other.store,
            self.namespace or other.namespace,
            self.conf_dir or other.conf_dir,
            self.source or other.source,
            self.kubeconfig or other.kubeconfig,
            self.context or other.context,
            other.plugin,
            other.usual_namespace,
        )

    def in_namespace(self, jobs: Jobs) -> str:
        """The namespace to work in when only a job's name was given."""
        return self.namespace or self.usual_namespace or jobs.namespace

    def namespace_of(self, job: TrainingJob, jobs: Jobs) -> str:
        """The namespace to declare a job in. Raises UsageError when its file and the option differ."""
        metadata = job.metadata
        if "namespace" not in metadata.model_fields_set:
            return self.in_namespace(jobs)
        if self.namespace not in {None, metadata.namespace}:
            raise UsageError(
                f"{metadata.name} names the namespace {metadata.namespace}, and -n {self.namespace}"
            )
        return metadata.namespace

    def settings(self, say: Callable[[str], None] | None = None) -> Settings:
        """The settings with these choices on top. Raises SettingsError naming the field.

        `say` hears what looks like a setting and is none; left out: standard error, once.
        """
        from pydantic import ValidationError

        from trainmaster.settings import Settings, did_you_mean, misspelled

        for words in misspelled(os.environ):
            (say or _warn)(words)

        chosen = {"store": self.store, "HADOOP_CONF_DIR": self.conf_dir, "source": self.source}
        try:
            return Settings(**{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]  # checked by pydantic
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            said = first["msg"]
            if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
                said = f"is no setting{did_you_mean(field, Settings.model_fields.keys())}"
            raise SettingsError(f"settings: {field}: {said}") from error


@cache
def _warn(words: str) -> None:
    print(f"warning: {words}", file=sys.stderr)


def print_version(wanted: bool = True) -> None:
    """For --version, whatever else stands on the line."""
    if wanted:
        print(f"trainmaster {metadata.version('trainmaster')}")
        raise typer.Exit


def first_options(
    store: StoreOption = None,
    namespace: FirstNamespaceOption = None,
    conf_dir: ConfDirOption = None,
    source: SourceOption = None,
    kubeconfig: KubeconfigOption = None,
    context_: ContextOption = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Run and watch machine-learning training on Hadoop YARN."""
    del (
        store,
        namespace,
        conf_dir,
        source,
        kubeconfig,
        context_,
        version,
    )  # commands read them from the context


def _first_choices(context: typer.Context) -> Choices:
    """Those that stand before the command's name."""
    given = context.params
    found = context.get_parameter_source("namespace")
    usual = found is not None and found.name == "ENVIRONMENT"
    return Choices(
        store=given["store"],
        namespace=None if usual else given["namespace"],
        conf_dir=given["conf_dir"],
        source=given["source"],
        kubeconfig=given["kubeconfig"],
        context=given["context_"],
        plugin=(context.info_name or "").startswith("kubectl"),
        usual_namespace=(given["namespace"] or "") if usual else "",
    )


def own_choices(context: typer.Context) -> Choices:
    """Those of a command's line, also of one that isn't typed to its end."""
    chosen = {name: context.params.get(_SHARED + name) for name in SHARED}
    return Choices(**chosen).over(_first_choices(context.find_root()))  # type: ignore[arg-type]  # parsed by typer


SHARED: dict[str, object] = {
    "store": StoreOption,
    "source": SourceOption,
    "kubeconfig": KubeconfigOption,
    "context": ContextOption,
    "namespace": NamespaceOption,
    "conf_dir": ConfDirOption,
}
"""what every command on jobs has beside its own"""
_SHARED = "shared_"
"""before their names, which a command's own options may have too"""


def with_choices(command: Callable[..., None]) -> Callable[..., None]:
    """A command on the store: gets the shared options, and `choices` made of them as its first argument."""

    @wraps(command)
    def told(context: typer.Context, **given: Any) -> None:
        own = {name: value for name, value in given.items() if not name.startswith(_SHARED)}
        command(own_choices(context), **own)

    own_parameters = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own_parameters),
        *(_option(_SHARED + name, hint) for name, hint in SHARED.items()),
    ]
    told.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer makes options of
    told.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return told


def _option(name: str, hint: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
