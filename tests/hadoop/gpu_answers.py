"""Answers of a real NodeManager (3.4.2, with a stand-in for nvidia-smi) on its GPUs, shortened to two devices."""

from __future__ import annotations

import json
from typing import Any

CONTAINER = "container_1795000000000_0001_01_000002"
LATCHED = (
    '{"RemoteException":{"exception":"YarnException","message":"Failed to execute GPU device information detection script for 10 '
    'times, skip following executions.","javaClassName":"org.apache.hadoop.yarn.exceptions.YarnException"}}'
)
LATCHING = (
    '{"RemoteException":{"exception":"YarnException","message":"Failed to execute GPU device detection script (/bin/nvidia-smi) '
    'for 10 times, skipping following executions!","javaClassName":"org.apache.hadoop.yarn.exceptions.YarnException"}}'
)
FAILED = (
    '{"RemoteException":{"exception":"YarnException","message":"Failed to execute GPU device detection script (/bin/nvidia-smi)! '
    'Exception message: Failed to initialize NVML","javaClassName":"org.apache.hadoop.yarn.exceptions.YarnException"}}'
)
UNKNOWN = {
    "productName": "Pretended GPU",
    "uuid": "N/A",
    "minorNumber": 0,
    "gpuUtilizations": {"overallGpuUtilization": -1.0},
    "gpuMemoryUsage": {"usedMemoryMiB": -1, "availMemoryMiB": 16384, "totalMemoryMiB": 16383},
    "temperature": {"currentGpuTemp": 1.4e-45, "maxGpuTemp": 95.0, "slowThresholdGpuTemp": 90.0},
}
"""a device of which nvidia-smi says N/A"""


def device(minor: int, percent: float = 0.0, used: int = 0, celsius: float = 30.0) -> dict[str, Any]:
    return {
        "productName": "Pretended GPU",
        "uuid": f"GPU-00000000-0000-0000-0000-{minor:012d}",
        "minorNumber": minor,
        "gpuUtilizations": {"overallGpuUtilization": percent},
        "gpuMemoryUsage": {
            "usedMemoryMiB": used,
            "availMemoryMiB": 16384 - used,
            "totalMemoryMiB": 16384,
        },
        "temperature": {"currentGpuTemp": celsius, "maxGpuTemp": 95.0, "slowThresholdGpuTemp": 90.0},
    }


def answer(*devices: dict[str, Any], owners: dict[int, str] | None = None) -> str:
    """`owners`: minor number -> container."""
    numbers = [device["minorNumber"] for device in devices]
    assigned = [
        {"index": numbers.index(minor), "minorNumber": minor, "containerId": container}
        for minor, container in (owners or {}).items()
    ]
    total = [{"index": index, "minorNumber": minor} for index, minor in enumerate(numbers)]
    told = {"gpus": list(devices), "driverVersion": "stand-in"}
    document = {"gpuDeviceInformation": told, "totalGpuDevices": total, "assignedGpuDevices": assigned}
    return json.dumps(document, separators=(",", ":"))
