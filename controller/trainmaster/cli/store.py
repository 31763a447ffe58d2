"""Opening what a command works on, a folder or an API server; which of them is meant, and what is said of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainmaster.cli.exits import SettingsError
from trainmaster.cli.options import Source
from trainmaster.errors import InvalidError

if TYPE_CHECKING:
    from trainmaster.cli.options import Choices
    from trainmaster.settings import Settings
    from trainmaster.sources.jobs import Jobs
    from trainmaster.sources.kubernetes.connection import Connection

SOMEBODY = "under Kerberos a user of its own"
KUBECONFIG = "~/.kube/config"
PLACES = frozenset({"store", "hadoop", "hadoop_conf_dir", "source"})
"""settings that lead to a store"""


def open_store(choices: Choices) -> Jobs:
    """Where the jobs are declared. Raises SettingsError, or UnavailableError when it can't be reached."""
    settings = choices.settings()
    if source(choices, settings, os.environ) is Source.KUBERNETES:
        return _connected(choices)
    from trainmaster.sources.store import JobStore

    if not (choices.source or settings.model_fields_set & PLACES):
        raise SettingsError(
            "nothing says where the jobs are: name a store (--store, TRAINMASTER_STORE, HADOOP_CONF_DIR) or a kubeconfig"
            " (--context, KUBECONFIG)"
        )
    return JobStore(settings.store, settings.hadoop_conf_dir, settings.hadoop_ca_file)


def settings_of(choices: Choices) -> Settings:
    """The settings, with the source that is meant."""
    settings = choices.settings()
    return settings.model_copy(update={"source": source(choices, settings, os.environ).value})


def source(choices: Choices, settings: Settings, environ: Mapping[str, str]) -> Source:
    """What was said on the command line, else in the settings, else what there is."""
    chosen = settings.model_fields_set
    if choices.source is not None:
        return choices.source
    if choices.context or choices.kubeconfig:
        return Source.KUBERNETES
    if choices.store:
        return Source.FOLDER
    if choices.plugin:
        return Source.KUBERNETES
    if "source" in chosen:
        return Source(settings.source)
    if chosen & PLACES:
        return Source.FOLDER
    return Source.KUBERNETES if _is_there(environ) else Source.FOLDER


def usual_namespace(choices: Choices) -> str:
    """The namespace to work in, for what needs no jobs."""
    if found := choices.namespace or choices.usual_namespace:
        return found
    kubernetes = source(choices, choices.settings(), os.environ) is Source.KUBERNETES
    return _connected(choices).namespace if kubernetes else "default"


def make_if_new(store: Jobs, settings: Settings) -> None:
    """A first `apply` makes the store, and so would one to a mistyped URL, where nobody would ever look. Raises InvalidError and
    DeniedError where somebody else must make it."""
    if not store.is_there:
        store.make(controller_of(settings))
        warn(f"there was no {store.place}: it is made now, and a controller must look there")


def controller_of(settings: Settings) -> str:
    """Who the controller is to a store, in words where only that it is none of the people is known; empty where it may be
    anybody: without Kerberos it is whoever its process runs as."""
    from trainmaster.hadoop import configuration  # slow to import, and mostly there is a store

    if settings.kerberos.principal:
        return settings.own_user
    kerberos = configuration.read(settings.hadoop_conf_dir, settings.hadoop).kerberos
    return SOMEBODY if kerberos and settings.store.startswith("hdfs:") else ""


def warn(words: str) -> None:
    print(f"warning: {words}", file=sys.stderr)


def _is_there(environ: Mapping[str, str]) -> bool:
    """Whether anything leads to an API server: a kubeconfig, or that this runs in a pod."""
    named = environ.get("KUBECONFIG") or environ.get("KUBERNETES_SERVICE_HOST")
    return bool(named) or Path(KUBECONFIG).expanduser().is_file()


def connection(choices: Choices) -> Connection:
    """To the cluster that is meant, found as kubectl finds it. Raises SettingsError where there is none."""
    from trainmaster.sources.kubernetes.connection import Connection

    try:
        return Connection(choices.kubeconfig or "", choices.context or "", person=True)
    except InvalidError as error:
        raise SettingsError(str(error)) from error


def _connected(choices: Choices) -> Jobs:
    from trainmaster.sources.kubernetes.api import Api
    from trainmaster.sources.kubernetes.jobs import KubernetesJobs

    return KubernetesJobs(Api(connection(choices), warned=warn))
