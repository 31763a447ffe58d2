"""The controller's settings: one validated, frozen value, passed by argument; nothing else reads the environment.

Read from, strongest first: command line, environment (TRAINMASTER_...), a YAML file (TRAINMASTER_CONFIG), the defaults here.
Names of Hadoop's own settings stay in HADOOP_CONF_DIR; `hadoop` overrides single ones of them.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator, Mapping, Set
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from trainmaster.errors import InvalidError

Port = Annotated[int, Field(ge=0, le=65535)]
ReplicaPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = PositiveFloat
Networks = tuple[IPvAnyNetwork, ...]


class PolicyRule(BaseModel):
    """Who may run jobs as whom, beside everybody as himself. At least one of owner and namespace is given."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    owner: str = ""
    """the files' owner that this is for; empty for sources that guard namespaces and know no owners"""
    namespace: str = ""
    """the namespace that this is for, or a pattern such as team-*; empty for any of the owner's"""
    users: tuple[str, ...]
    """YARN users that may be named in spec.user; {namespace} stands for the job's namespace. Where there are no owners, the first
    is who the namespace's jobs run as when they name nobody"""
    queues: tuple[str, ...] = ()
    """queues in which they may be named; empty for any"""

    @model_validator(mode="after")
    def _names_somebody(self) -> PolicyRule:
        if not self.owner and not self.namespace:
            raise ValueError("a rule without owner and namespace would let everybody run as these users")
        return self


class Webhook(BaseModel):
    """The admission webhooks, which every replica of the controller serves beside its own work."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    port: Port | None = None
    """port of the webhooks' HTTPS server; 0 takes a free one; left out: no webhooks are served"""
    listen: str = "0.0.0.0"  # noqa: S104 - the API server must reach it; whoever connects gets verdicts on objects only
    """address that it binds to"""
    service: str = "trainmaster-webhook"
    """name of the Service in the controller's namespace by which the API server reaches it: the certificate is for that name"""
    certificate: Path | None = None
    """folder of tls.crt and tls.key, such as a mounted Secret of cert-manager; left out: the controller makes and rotates its
    own, in a Secret"""
    configuration: str = "trainmaster"
    """name of the ValidatingWebhookConfiguration and MutatingWebhookConfiguration whose caBundle the controller keeps right;
    not used with a certificate of somebody else's"""


class Gpu(BaseModel):
    """What NodeManagers are asked about their GPUs, and how. Each question makes one run nvidia-smi, inside a lock."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    nodes: Literal["Ours", "All", "None"] = "Ours"
    """which NodeManagers are asked: those where our jobs hold GPUs, all that have GPUs, or none"""
    poll_interval: float = Field(default=30.0, ge=5.0)
    """seconds between an answer of a node and the next question to it; a node that fails is asked more rarely"""
    visible_devices: bool = True
    """whether the launcher sets CUDA_VISIBLE_DEVICES to the GPUs that were assigned to the container, where more can be opened"""
    dcgm_job_mapping_dir: str = Field(default="", pattern=r"^(/[A-Za-z0-9._-]+)*$")
    """folder on the nodes that dcgm-exporter reads with --hpc-job-mapping-dir, where the launcher notes a GPU's job; every
    YARN user must be able to write there. Empty: nothing is noted"""


class Kerberos(BaseModel):
    """Who the controller is to a cluster with hadoop.security.authentication=kerberos. It speaks for jobs' users as their proxy,
    so core-site.xml there names it in hadoop.proxyuser.*. Left out: whoever started it, by a ticket that nobody renews."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    principal: str = ""
    """name@REALM or name/host@REALM, where _HOST stands for this machine's name"""
    keytab: Path | None = None
    """file with its key; tickets are got by it, and renewed"""

    @model_validator(mode="after")
    def _is_whole(self) -> Kerberos:
        if bool(self.principal) != bool(self.keytab):
            raise ValueError("principal and keytab belong together: give both or none")
        return self


class Metrics(BaseModel):
    """What stands at /metrics beside our own names."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kubeflow: bool = False
    """whether jobs are also counted as training_operator_jobs_*_total, the names of Kubeflow's training-operator"""


class ViewRule(BaseModel):
    """Which jobs these viewers see."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    users: tuple[str, ...]
    """viewers, or patterns such as team-*"""
    namespaces: tuple[str, ...] = ()
    """namespaces whose jobs they see, or patterns; * for all"""
    own: bool = False
    """whether they see the jobs that they declared, or that run as them, in any namespace"""

    def names(self, viewer: str) -> bool:
        return any(fnmatchcase(viewer, pattern) for pattern in self.users)


class Access(BaseModel):
    """Who may see jobs, on the pages and below /api. Where no way is named to tell who looks, a web server on a loopback address
    shows all jobs to whoever reaches it, and any other shows none."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    anyone: bool = False
    """whether all jobs are shown to whoever reaches the port"""
    tokens_file: Path | None = None
    """file of bearer tokens, a line `token,user` each, that nobody else may read; it is read again when it changes"""
    header: str = Field(default="", pattern=r"^[A-Za-z0-9-]*$")
    """header in which an authenticating proxy names the viewer, such as X-Forwarded-User"""
    proxies: Networks = ()
    """addresses or networks of these proxies: from any other the header counts for nothing"""
    yarn_proxies: Networks = ()
    """addresses of YARN's web proxy (the ResourceManagers, if it runs inside of them), whose cookie names the viewer"""
    peer_key_file: Path | None = None
    """file of a key that all controllers share: with it one that stands by tells the leader who looks. Bearer tokens need none"""
    viewers: tuple[ViewRule, ...] = ()
    """which jobs a viewer sees; without a rule everybody sees his own"""

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Access:
        if self.header and not self.proxies:
            raise ValueError("header needs proxies: without their addresses anybody could write it")
        return self

    @property
    def ways(self) -> bool:
        """Whether any way to tell who looks is named."""
        return bool(self.tokens_file or self.header or self.yarn_proxies)


class Reports(BaseModel):
    """The reports door, to which training processes tell their steps: a process beside the controller, with a port of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    port: Port | None = None
    """port of the door; 0 takes a free one; left out: there is no door, and processes are told of none"""
    listen: str = "127.0.0.1"
    """address that it binds to: the nodes must reach it"""
    url: str = ""
    """address under which processes reach the door of whoever leads, or of any of several controllers, which hands on to the
    leader: it must stay the same for as long as jobs run. Empty: http://<listen>:<port>"""
    advertise: str = ""
    """address under which the other controllers reach this one's door; empty: http://<listen>:<port>"""


class Kubernetes(BaseModel):
    """The Kubernetes source. Which cluster, and who we are there: the pod's ServiceAccount, else KUBECONFIG."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    namespace: str = ""
    """the controller's own namespace, of its Lease, journal and certificates; empty: the pod's, else that of the kubeconfig's
    context"""
    name: str = "trainmaster"
    """name of the Lease and beginning of the names of the Secrets: several controllers in one namespace need different ones"""
    namespaces: tuple[str, ...] = ()
    """namespaces whose jobs are driven; empty: all, which needs rights in the whole cluster"""
    webhook: Webhook = Webhook()
    """the admission webhooks"""


OTHERS = frozenset({"TRAINMASTER_CONFIG", "TRAINMASTER_NAMESPACE", "TRAINMASTER_KILL_AT"})
"""read elsewhere: the settings' file, the command line's namespace, and an aid of our own tests"""
OF_PROCESSES = frozenset(
    f"TRAINMASTER_{name}"
    for name in [
        "JOB",
        "NAMESPACE",
        "ROLE",
        "INDEX",
        "RUN",
        "GENERATION",
        "REPLICAS",
        "PORT",
        "PORTS",
        "CLUSTER",
    ]
)
"""what a job's process is told: no mistake where a command runs in one"""
OF_REPORTS = frozenset({"TRAINMASTER_STATUS_URL", "TRAINMASTER_STATUS_TOKEN"})
"""the same, where there is a reports door"""
RENAMED = {"port": "web_port", "TRAINMASTER_PORT": "TRAINMASTER_WEB_PORT"}
OF_SERVICES = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""what Kubernetes sets for a Service whose name begins with trainmaster (makeLinkVariables in pkg/kubelet/envvars)"""


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
    """seconds between heartbeats of a job that waits for containers, with up to 10 such jobs; more with more"""
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
    admissions: PositiveInt = 16
    """applications being opened at one time"""
    first_cause_wait: NonNegativeFloat = 2.0
    """seconds for which the failure of one process of a gang waits for those of its neighbours, so that the first cause is named
    and charged; YARN's own words, such as of a preemption, are not waited for"""
    restart_in_place: bool = False
    """whether a restart of a whole job keeps the containers of the processes that run, so that only lost ones are asked for; else
    all are given back and asked for anew. Not by default: where room is free, new containers start sooner"""
    max_replicas: PositiveInt = 5000
    """replicas of one job at most"""

    gpu: Gpu = Gpu()
    """GPUs: metrics, and what the processes are told"""
    reports: Reports = Reports()
    """reports of training processes on their steps"""
    metrics: Metrics = Metrics()
    """metrics"""
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


def did_you_mean(name: str, known: Set[str]) -> str:
    """The known name that was probably meant, as the end of a sentence; empty where none is near."""
    if name in RENAMED:
        return f": it is called {RENAMED[name]}"
    near = get_close_matches(name.upper(), {each.upper() for each in known}, n=1, cutoff=0.8)
    found = next((each for each in known if near and each.upper() == near[0]), "")
    return f": did you mean {found}?" if found else ""
