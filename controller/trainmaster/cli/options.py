"""The options that every command on the store has: --store, --namespace, --conf-dir.

They may stand before the command's name or after it; the later one wins.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainmaster.cli.exits import SettingsError, UsageError

if TYPE_CHECKING:
    from trainmaster.api.job import TrainingJob
    from trainmaster.settings import Settings

StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Root of the store: hdfs://, webhdfs:// or file:// (TRAINMASTER_STORE)."),
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace of the jobs (TRAINMASTER_NAMESPACE).")
]
FirstNamespaceOption = Annotated[
    str | None,
    typer.Option("--namespace", "-n", help="Namespace of the jobs.", envvar="TRAINMASTER_NAMESPACE"),
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
    of_environment: str = ""
    """the namespace that the environment names, for what doesn't say its own"""

    def over(self, other: Choices) -> Choices:
        """These choices, and the other's where these leave something open."""
        return Choices(
            self.store or other.store,
            self.namespace or other.namespace,
            self.conf_dir or other.conf_dir,
            other.of_environment,
        )

    @property
    def usual_namespace(self) -> str:
        """The namespace of what doesn't say its own."""
        return self.of_environment or "default"

    @property
    def in_namespace(self) -> str:
        """The namespace to work in when only a job's name was given."""
        return self.namespace or self.usual_namespace

    @property
    def named_namespace(self) -> str:
        """The namespace that the command line or the environment names; empty where neither does."""
        return self.namespace or self.of_environment

    def namespace_of(self, job: TrainingJob) -> str:
        """The namespace to declare a job in. Raises UsageError when its file and the option differ."""
        metadata = job.metadata
        if "namespace" not in metadata.model_fields_set:
            return self.in_namespace
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

        chosen = {"store": self.store, "HADOOP_CONF_DIR": self.conf_dir}
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


def remember(
    context: typer.Context,
    store: StoreOption = None,
    namespace: FirstNamespaceOption = None,
    conf_dir: ConfDirOption = None,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Run and watch machine-learning training on Hadoop YARN."""
    source = context.get_parameter_source("namespace")
    if source is not None and source.name == "ENVIRONMENT":
        context.obj = Choices(store, None, conf_dir, namespace or "")
    else:
        context.obj = Choices(store, namespace, conf_dir)


def with_choices(command: Callable[..., None]) -> Callable[..., None]:
    """A command on the store: gets the shared options, and `choices` made of them as its first argument."""

    @wraps(command)
    def told(
        context: typer.Context, *, store: str | None, namespace: str | None, conf_dir: Path | None, **own: Any
    ) -> None:
        command(Choices(store, namespace, conf_dir).over(context.obj or Choices()), **own)

    shared = {"store": StoreOption, "namespace": NamespaceOption, "conf_dir": ConfDirOption}
    own_parameters = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    parameters = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own_parameters),
        *(_option(name, hint) for name, hint in shared.items()),
    ]
    told.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer makes options of
    told.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return told


def _option(name: str, hint: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
