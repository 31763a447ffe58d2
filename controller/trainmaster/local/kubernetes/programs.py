"""Which programs make up a control plane, and their version."""

from __future__ import annotations

from pathlib import Path

from trainmaster.local.golang import Module

_FOLDER = Path(__file__).with_name("go")
_NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def control_plane() -> Module:
    """The Go module of etcd, kube-apiserver, kube-controller-manager and kubectl, which are one program."""
    version = Module("kubernetes", _FOLDER).required("k8s.io/kubernetes")
    links = dict.fromkeys(_NAMES, "kubernetes")
    return Module("kubernetes", _FOLDER, links=links, variables=_variables(version))


def _variables(version: str) -> dict[str, str]:
    """What Kubernetes' own build sets (hack/lib/version.sh); without it the API server takes itself for 0.0.0."""
    major, minor, _ = version.split(".")
    values = {
        "gitVersion": f"v{version}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return {f"{package}.{name}": value for package in _VERSION_PACKAGES for name, value in values.items()}
