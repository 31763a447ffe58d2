"""Fields of other systems' jobs, and what to write here instead.

Lives here: the names that Kubeflow's users bring along. Never here: how they are found (complaints.py, crd_schema.py).
"""

from __future__ import annotations

from collections.abc import Mapping

_IN_ROLES = "write command, env and resources into the role itself"
_IN_RESOURCES = "write memory, vcores and gpus into `resources`: what is asked for is also the limit"

RESOURCES: Mapping[str, str] = {
    "limits": _IN_RESOURCES,
    "requests": _IN_RESOURCES,
    "cpu": "write `vcores`, a whole number",
    "cpus": "write `vcores`, a whole number",
    "gpu": "write `gpus`",
    "nvidia.com/gpu": "write `gpus`",
    "yarn.io/gpu": "write `gpus`",
}
"""those that are written into resources"""
FOREIGN: Mapping[str, str] = {
    "tfReplicaSpecs": "declare the processes in spec.roles, and spec.framework: TensorFlow",
    "pytorchReplicaSpecs": "declare the processes in spec.roles, and spec.framework: PyTorch",
    "template": _IN_ROLES,
    "containers": _IN_ROLES,
    "image": "YARN runs the command on its nodes: bring programs and environments in `files`",
    "args": "write the arguments into `command`, which is a bash script",
    **RESOURCES,
    "cleanPodPolicy": "containers are always given back at the end",
    "activeDeadlineSeconds": "write `activeDeadline`, such as 12h",
    "ttlSecondsAfterFinished": "write `ttlAfterFinished`, such as 7d",
    "schedulingPolicy": "write spec.queue, spec.priority and spec.gang",
    "volumeMounts": "bring data in by `files`, or read it from HDFS",
}
"""field -> what to write instead"""
