"""The command line and environment of each daemon: pure functions of where things are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainmaster.local.commands import PASSED_ON
from trainmaster.local.daemons import MARKER
from trainmaster.local.kubernetes.options import KubernetesOptions
from trainmaster.local.kubernetes.pki import SERVICE_RANGE
from trainmaster.local.services import LOOPBACK

DAEMONS = ("etcd", "kube-apiserver", "kube-controller-manager")
"""in the order in which they are started"""
SERVICES = ("etcd.client", "etcd.peer", "kube-apiserver.https", "kube-controller-manager.https")
AUDIT_POLICY = (
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
)
"""every request once, without bodies: Secrets pass here (audit.k8s.io/v1)"""
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
)
"""those without which deletion and RBAC would not work as on any cluster; the others are for pods and nodes"""


@dataclass(frozen=True)
class Installation:
    """Where a control plane's parts are."""

    folder: Path
    programs: Path
    """folder of etcd, kube-apiserver and so on"""

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def audit_policy(self) -> Path:
        return self.folder / "conf/audit-policy.yaml"

    @property
    def audit_log(self) -> Path:
        return self.folder / "logs/audit.log"

    def kubeconfig(self, name: str) -> Path:
        return self.folder / "conf" / f"{name}.kubeconfig"

    def output(self, daemon: str) -> Path:
        return self.folder / "logs" / f"{daemon}.log"


def command(
    place: Installation, options: KubernetesOptions, ports: Mapping[str, int], daemon: str
) -> list[str]:
    """The daemon's command line."""
    arguments = {
        "etcd": lambda: _etcd(place, ports),
        "kube-apiserver": lambda: _apiserver(place, options, ports),
        "kube-controller-manager": lambda: _controller_manager(place, ports),
    }
    return [str(place.programs / daemon), *arguments[daemon]()]


def environment(place: Installation, environ: Mapping[str, str]) -> dict[str, str]:
    """The daemon's environment: few variables, and no proxy, which has no business on loopback."""
    return {name: environ[name] for name in PASSED_ON if name in environ} | {MARKER: str(place.folder)}


def etcd_url(ports: Mapping[str, int]) -> str:
    """Plain HTTP: as open to this machine's users as the Hadoop beside it."""
    return f"http://{LOOPBACK}:{ports['etcd.client']}"


def _etcd(place: Installation, ports: Mapping[str, int]) -> list[str]:
    client, peer = etcd_url(ports), f"http://{LOOPBACK}:{ports['etcd.peer']}"
    return [
        f"--data-dir={place.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
        # A loss of power may lose the last objects; a kill of any process does not.
        "--unsafe-no-fsync",
    ]


def _apiserver(place: Installation, options: KubernetesOptions, ports: Mapping[str, int]) -> list[str]:
    signing = place.pki / "service-accounts.key"
    audit = (f"--audit-policy-file={place.audit_policy}", f"--audit-log-path={place.audit_log}")
    return [
        f"--etcd-servers={etcd_url(ports)}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={ports['kube-apiserver.https']}",
        *_serving(place),
        f"--client-ca-file={place.pki / 'ca.crt'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--endpoint-reconciler-type=none",  # the endpoint of the Service `kubernetes` may not be on loopback
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={signing}",
        f"--service-account-signing-key-file={signing}",
        "--profiling=false",
        *(audit if options.audit else ()),
        *options.apiserver,
    ]


def _controller_manager(place: Installation, ports: Mapping[str, int]) -> list[str]:
    return [
        f"--kubeconfig={place.kubeconfig('controller-manager')}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports['kube-controller-manager.https']}",
        *_serving(place),
        "--leader-elect=false",
        f"--controllers={','.join(CONTROLLERS)}",
        # With one identity for all controllers RBAC refuses the namespace controller, and deletions hang.
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={place.pki / 'service-accounts.key'}",
        f"--root-ca-file={place.pki / 'ca.crt'}",
        "--profiling=false",
    ]


def _serving(place: Installation) -> list[str]:
    return [
        f"--tls-cert-file={place.pki / 'server.crt'}",
        f"--tls-private-key-file={place.pki / 'server.key'}",
    ]
