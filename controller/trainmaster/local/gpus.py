"""Stand-ins for `nvidia-smi`, so that the real NodeManager discovers and YARN schedules pretended GPUs, and for Hadoop's native
container-executor, so that the NodeManager really gives containers GPUs by number. Never anything of CUDA.

The NodeManager runs `nvidia-smi -x -q` and reads a few elements of the answer
(org.apache.hadoop.yarn.server.nodemanager.webapp.dao.gpu: GpuDeviceInformationParser,
PerGpuDeviceInformation).
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

EXECUTOR = "bin/container-executor"
CGROUPS = "cgroups"
HIERARCHY = "hadoop-yarn"
"""the folder of YARN's own below each controller's"""
_SCRIPT = '#!/bin/sh\nexec cat "$(dirname "$0")/nvidia-smi.xml"\n'


def install(folder: Path, gpus: int) -> None:
    """Put the program and its answer into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nvidia-smi.xml").write_text(answer(gpus))
    program = folder / "nvidia-smi"
    program.write_text(_SCRIPT)
    program.chmod(0o755)


def install_executor(home: Path) -> None:
    """Put the stand-in for container-executor, and folders in place of cgroups, into the folder of one NodeManager."""
    program = home / EXECUTOR
    program.parent.mkdir(parents=True, exist_ok=True)
    source = (files("trainmaster.local") / "container_executor.py").read_text()
    program.write_text(f"#!{sys.executable} -IS\n{source}")
    program.chmod(0o755)
    (home / CGROUPS / "devices" / HIERARCHY).mkdir(parents=True, exist_ok=True)


def answer(gpus: int) -> str:
    """What `nvidia-smi -x -q` says on a machine with that many idle GPUs."""
    root = ElementTree.Element("nvidia_smi_log")
    _add(root, {"driver_version": "stand-in", "attached_gpus": str(gpus)})
    for number in range(gpus):
        _add(ElementTree.SubElement(root, "gpu"), _gpu(number))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


_Tree = dict[str, "str | _Tree"]


def _gpu(number: int) -> _Tree:
    return {
        "product_name": "Pretended GPU",
        "uuid": f"GPU-00000000-0000-0000-0000-{number:012d}",
        "minor_number": str(number),
        "fb_memory_usage": {"total": "16384 MiB", "used": "0 MiB", "free": "16384 MiB"},
        "utilization": {"gpu_util": "0 %", "memory_util": "0 %"},
        "temperature": {
            "gpu_temp": "30 C",
            "gpu_temp_max_threshold": "95 C",
            "gpu_temp_slow_threshold": "90 C",
        },
    }


def _add(element: ElementTree.Element, tree: _Tree) -> None:
    for name, value in tree.items():
        child = ElementTree.SubElement(element, name)
        if isinstance(value, str):
            child.text = value
        else:
            _add(child, value)
