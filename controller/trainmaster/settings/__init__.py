"""The controller's settings: one validated, frozen value, passed by argument; nothing else reads the environment.

Read from, strongest first: command line, environment (TRAINMASTER_...), a YAML file (TRAINMASTER_CONFIG), the defaults here.
Names of Hadoop's own settings stay in HADOOP_CONF_DIR; `hadoop` overrides single ones of them.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from trainmaster.errors import InvalidError
from trainmaster.settings.acls import AclRule
from trainmaster.settings.groups import (
    Access,
    Gpu,
    History,
    Kerberos,
    Kubernetes,
    Metrics,
    NamespaceRule,
    Networks,
    NodeHealth,
    Nodes,
    PolicyRule,
    Port,
    Quota,
    ReplicaPort,
    Reports,
    Seconds,
    ViewRule,
    Webhook,
)
from trainmaster.settings.names import OF_PROCESSES, OF_REPORTS, OF_SERVICES, OTHERS, RENAMED, did_you_mean
from trainmaster.settings.showing import Link, Traces, Use

__all__ = [
    "OF_PROCESSES",
    "RENAMED",
    "Access",
    "AclRule",
    "Gpu",
    "History",
    "Kerberos",
    "Kubernetes",
    "Link",
    "Metrics",
    "NamespaceRule",
    "Networks",
    "NodeHealth",
    "Nodes",
    "PolicyRule",
    "Quota",
    "Reports",
    "Settings",
    "Traces",
    "Use",
    "ViewRule",
    "Webhook",
    "did_you_mean",
    "misspelled",
]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="TRAINMASTER_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    source: Literal["folder", "kubernetes"] = "folder"
    """where jobs come from, and where statuses, journal and lease are kept: a folder (`store`), or Kubernetes"""
    kubernetes: Kubernetes = Kubernetes()
    """the source kubernetes"""
    store: str = "hdfs:///trainmaster"
    """root of the folder source: an hdfs://, file://, webhdfs:// or (over HTTPS) swebhdfs:// URL"""
    state: str = ""
    """root of the controller's own files (journal, lease), an hdfs:// or file:// URL that all its replicas see; empty: the
    store itself, which webhdfs:// can't serve"""
    file_stores: tuple[str, ...] = ()
    """further stores that the `files` of jobs may lie in, each as scheme and authority, such as hdfs://other:8020 or file://; the
    default file system, the name services of HADOOP_CONF_DIR and the store always may"""
    user: str = ""
    """the YARN user the controller itself speaks as; empty for the first part of kerberos.principal, else for the user of its
    process"""
    hadoop_conf_dir: Path | None = Field(default=None, validation_alias="HADOOP_CONF_DIR")
    """folder of core-site.xml, hdfs-site.xml and yarn-site.xml"""
    hadoop: dict[str, str] = {}
    """overrides of single Hadoop settings, by Hadoop's names"""
    hadoop_ca_file: Path | None = None
    """file of the authorities, in PEM form, that sign the certificates of Hadoop's web servers (yarn.http.policy HTTPS_ONLY,
    swebhdfs://); left out: those that the system trusts"""

    kerberos: Kerberos = Kerberos()
    """who the controller is to a secure cluster"""

    listen: str = "127.0.0.1"
    """address the web server binds to"""
    web_port: Port = 9090
    """port of the job pages and of /api; 0 takes a free one"""
    metrics_port: Port = 9091
    """port of /metrics, /healthz and /readyz, at the same address; 0 takes a free one"""
    access: Access = Access()
    """who may see jobs"""
    public_url: str = ""
    """address under which people and YARN's proxy reach the job pages; empty: http://<listen>:<web_port>"""

    advertise: str = ""
    """address under which the other controllers reach this one's web server, for requests that only the leader can answer; empty:
    http://<listen>:<web_port>"""

    port_first: ReplicaPort = 20000
    """first port that may be given to replicas"""
    port_last: ReplicaPort = 29999
    """last of them; the range lies outside the kernel's ephemeral one"""

    beat_fast: Seconds = 0.1
    """seconds between heartbeats of a job that waits for containers, with up to 40 such jobs; more with more"""
    beat_calm: Seconds = 0.5
    """seconds between heartbeats of a job that runs undisturbed, with up to 125 jobs; more with more"""
    look_interval: Seconds = 1.0
    """seconds between two listings of the store at most; a small store is listed more often, up to 5 times a second"""
    deletion_grace: NonNegativeFloat = 15.0
    """seconds that a file must be missing from complete listings before it counts as deleted"""
    lease_duration: Seconds = 10.0
    """seconds without renewal after which a standby takes over"""
    policy: tuple[PolicyRule, ...] = ()
    """who may name another YARN user than the owner of the file in spec.user; in Kubernetes, which users and queues a namespace's
    jobs may have, and without a rule none"""
    namespaces: tuple[NamespaceRule, ...] = ()
    """who may declare jobs in which namespaces, where jobs are files; a namespace that no rule is for is open to everybody"""
    acls: tuple[AclRule, ...] = ()
    """who may see and end applications of ours in YARN beside their users; all rules that are for a job's namespace count"""
    quotas: tuple[Quota, ...] = ()
    """how much the jobs of each namespace, user or queue may hold together; a job must be within all of those that are for it"""
    admissions: PositiveInt = 16
    """applications being opened at one time"""
    first_cause_wait: NonNegativeFloat = 2.0
    """seconds for which the failure of one process of a gang waits for those of its neighbours, so that the first cause is named
    and charged; YARN's own words, such as of a preemption, are not waited for"""
    restart_in_place: bool = False
    """whether a restart of a whole job keeps the containers of the processes that run, so that only lost ones are asked for; else
    all are given back and asked for anew. Not by default: where room is free, new containers start sooner"""
    checkpoint_interval: NonNegativeFloat = 60.0
    """seconds between two looks for the newest checkpoint of a job that runs; 0: nobody looks"""
    max_replicas: PositiveInt = 5000
    """replicas of one job at most"""

    gpu: Gpu = Gpu()
    """GPUs: metrics, and what the processes are told"""
    use: Use = Use()
    """memory and CPU that containers use"""
    reports: Reports = Reports()
    """reports of training processes on their steps"""
    nodes: Nodes = Nodes()
    """nodes that jobs leave alone for what others say of them"""
    history: History = History()
    """runs that are over"""
    metrics: Metrics = Metrics()
    """metrics"""
    links: tuple[Link, ...] = Field(default=(), max_length=16)
    """links on the page of each job"""
    traces: Traces = Traces()
    """traces of runs that are over"""
    log_format: Literal["text", "json"] = "text"
    """text or json"""

    @model_validator(mode="after")
    def _has_ports(self) -> Settings:
        if self.port_first > self.port_last:
            raise ValueError(f"port_first ({self.port_first}) is above port_last ({self.port_last})")
        return self

    @property
    def own_user(self) -> str:
        """The YARN user that the controller speaks as for itself. Raises InvalidError for a process whose uid has no name."""
        try:
            principal = self.kerberos.principal.partition("@")[0].partition("/")[0]
            return self.user or principal or getpass.getuser()
        except (KeyError, OSError):
            raise InvalidError(
                f"uid {os.getuid()} has no name on this machine: say in the setting `user` (TRAINMASTER_USER) as whom the "
                "controller speaks to YARN"
            ) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        config = os.environ.get("TRAINMASTER_CONFIG")
        file = (YamlConfigSettingsSource(settings_cls, yaml_file=config),) if config else ()
        return (init_settings, env_settings, *file)


def misspelled(environ: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each variable that looks like a setting, and that nobody reads."""
    known = {f"TRAINMASTER_{name}".upper() for name in Settings.model_fields} | OTHERS
    ours = OF_PROCESSES | OF_REPORTS if "TRAINMASTER_JOB" in environ else frozenset()
    for name, value in sorted(environ.items()):
        if not name.upper().startswith("TRAINMASTER_") or name.upper().partition("__")[0] in known | ours:
            continue
        if not (OF_SERVICES.fullmatch(name) and (value.startswith(("tcp:", "udp:")) or "SERVICE" in name)):
            yield f"{name} is no setting{did_you_mean(name, known)}"
