"""What a person may choose about the local control plane, and what it remembers between starts. Values only."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class KubernetesOptions(BaseModel):
    """The shape of one local control plane; the defaults suit a laptop."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    apiserver: tuple[str, ...] = ()
    """further arguments of kube-apiserver; they win over ours"""
    audit: bool = False
    """whether kube-apiserver notes each request, without its body, in logs/audit.log"""


class Remembered(BaseModel):
    """What a stopped control plane keeps for its next start: its options, and the port of each service by name."""

    model_config = ConfigDict(frozen=True)

    options: KubernetesOptions
    ports: Mapping[str, int]
