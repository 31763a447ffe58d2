"""The groups of settings: what belongs together, each with its meaning. Never here: where they are read from."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    NonNegativeInt,
    PositiveFloat,
    model_validator,
)

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


class NamespaceRule(BaseModel):
    """Who may declare jobs in a namespace, where jobs are files."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    namespace: str = Field(min_length=1)
    """the namespace that this is for, or a pattern such as team-*"""
    owners: tuple[str, ...]
    """owners of files, or patterns; {namespace} stands for the namespace's name"""


class Quota(BaseModel):
    """How much the jobs of one namespace, user or queue may hold together; of two of them, jobs that belong to both. A job for
    which there is no room waits, in the order in which jobs came. What isn't written has no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    namespace: str = ""
    """the namespace that this is for, or a pattern such as team-*: each that it matches has as much of its own. Empty: those of
    all namespaces count together"""
    user: str = ""
    """the YARN user that jobs run as, likewise"""
    queue: str = ""
    """the YARN queue by its path, such as root.ml, likewise"""
    jobs: NonNegativeInt | None = None
    """jobs that have an application at YARN"""
    replicas: NonNegativeInt | None = None
    """processes of these jobs"""
    gpus: NonNegativeInt | None = None
    """their GPUs"""
    vcores: NonNegativeInt | None = None
    """their virtual cores"""
    memory: str = Field(default="", pattern=r"^([0-9]{1,12}[KMGTP]?i?)?$")
    """memory of their containers, a quantity as in a job, such as 512Gi"""
    declared: NonNegativeInt | None = None
    """declarations of jobs that were ever let in, ended ones too, until they are deleted"""

    @model_validator(mode="after")
    def _limits_something(self) -> Quota:
        limits = (self.jobs, self.replicas, self.gpus, self.vcores, self.declared)
        if not self.memory and all(limit is None for limit in limits):
            raise ValueError("a quota limits something: jobs, replicas, gpus, vcores, memory or declared")
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


class History(BaseModel):
    """The history: one small file for each run of a job that is over."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    enabled: bool = True
    """whether it is kept"""
    url: str = ""
    """its folder: an hdfs://, file://, webhdfs:// or swebhdfs:// URL, or any other that an installed library of fsspec knows.
    Empty: the folder `history` of the store; with the source kubernetes none is kept"""
    keep_months: NonNegativeInt = 13
    """whole months that are kept beside the present one; older ones are removed. 0: all are kept"""


class NodeHealth(BaseModel):
    """Somebody who calls nodes bad."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)
    """what it is called in messages and metrics"""
    url: str = Field(pattern=r"^(hdfs|file|webhdfs|swebhdfs|https?)://")
    """a file (hdfs://, file://, webhdfs://, swebhdfs://) or a web server (http://, https://) that tells a JSON object of bad
    nodes with the reasons, such as {"gpu-07": "Xid 79"}, and an empty one where all are well; with `query` the address of a
    Prometheus"""
    query: str = ""
    """a query in PromQL: each series of its answer whose value isn't 0 calls a node bad"""
    label: str = Field(default="node", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    """the label of such a series that names the node; a port behind it is left out"""

    @model_validator(mode="after")
    def _asks_a_prometheus(self) -> NodeHealth:
        if self.query and not self.url.startswith("http"):
            raise ValueError("query is asked of a Prometheus: url must be http:// or https://")
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            raise ValueError(
                "url must not hold a user or password: what can't be asked is told with its address"
            )
        return self


class Nodes(BaseModel):
    """Nodes that jobs leave alone for what others say of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    health: tuple[NodeHealth, ...] = Field(default=(), max_length=16)
    """who calls nodes bad. New containers are asked for elsewhere once two answers in a row say so, as long as no more than a
    quarter of the nodes is left alone; an answer that can't be understood counts for nothing"""
    health_interval: Seconds = 30.0
    """seconds between two questions to each of them"""
    exclusions_per_hour: int = Field(default=20, ge=0, le=100_000)
    """how many nodes all jobs may come to leave alone within an hour, for what several of them found or for what is said of them;
    the others go on to be asked for"""

    @model_validator(mode="after")
    def _has_names(self) -> Nodes:
        names = [each.name for each in self.health]
        if len(set(names)) < len(names):
            raise ValueError("health: two of them have the same name")
        return self


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
    """addresses of YARN's web proxy (the ResourceManagers, if it runs inside of them), whose cookie names the viewer; refused
    where Hadoop's web servers don't ask for Kerberos, since anybody can call himself anybody there"""
    peer_key_file: Path | None = None
    """file of a key that all controllers share: with it one that stands by tells the leader who looks. Bearer tokens need none"""
    viewers: tuple[ViewRule, ...] = ()
    """which jobs a viewer sees; without a rule everybody sees his own"""

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Access:
        if self.header and not self.proxies:
            raise ValueError("header needs proxies: without their addresses anybody could write it")
        if self.viewers and not (self.ways or self.peer_key_file):
            raise ValueError("viewers needs a way to tell who looks: tokens_file, header or yarn_proxies")
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
    secret_namespaces: tuple[str, ...] = ()
    """namespaces whose Secrets and ConfigMaps may be read, for variables of jobs there that name one; whoever may create jobs in
    such a namespace may then have their values. Empty: none"""
    webhook: Webhook = Webhook()
    """the admission webhooks"""
