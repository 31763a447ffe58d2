"""What a NodeManager 3.4.2 answered about two containers, and builders of the same with other numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

RECORDED: Mapping[str, Any] = {
    "modelerType": "ContainerResource_container_1795838291692_0002_01_000001",
    "tag.ContainerResource": "container_1795838291692_0002_01_000001",
    "tag.Context": "container",
    "tag.ContainerPid": "25201",
    "tag.Hostname": "vm",
    "PMemUsageMBsNumUsage": 11,
    "PMemUsageMBsAvgMBs": 118.0,
    "PMemUsageMBsStdevMBs": 0.0,
    "PMemUsageMBsIMinMBs": 118.0,
    "PMemUsageMBsIMaxMBs": 118.0,
    "PMemUsageMBsMinMBs": 118.0,
    "PMemUsageMBsMaxMBs": 120.0,
    "PMemUsageMBsINumUsage": 2,
    "PMemUsageMBHistogramNumUsage": 11,
    "PCpuUsagePercentNumUsage": 11,
    "PCpuUsagePercentAvgPercents": 9.5,
    "PCpuUsagePercentStdevPercents": 0.0,
    "PCpuUsagePercentIMinPercents": 0.0,
    "PCpuUsagePercentIMaxPercents": 1.401298464324817e-45,
    "PCpuUsagePercentMinPercents": 0.0,
    "PCpuUsagePercentMaxPercents": 34.0,
    "PCpuUsagePercentINumUsage": 2,
    "MilliVcoreUsageNumUsage": 11,
    "MilliVcoreUsageAvgMilliVcores": 3115.75,
    "MilliVcoreUsageMaxMilliVcores": 10965.0,
    "pMemLimitMBs": 512,
    "vMemLimitMBs": 1075,
    "vCoreLimit": 1,
    "launchDurationMs": 277,
    "localizationDurationMs": 0,
    "ExitCode": 0,
    "FinishTime": 0,
    "StartTime": 1795838308361,
}
FIRST, SECOND = "container_1795838291692_0002_01_000001", "container_1795838291692_0002_01_000002"


def bean(container: str, **numbers: Any) -> dict[str, Any]:
    """One container with these numbers in place of the recorded ones."""
    name = f"Hadoop:service=NodeManager,name=ContainerResource_{container}"
    return {"name": name, **RECORDED, **numbers}


def unmeasured(container: str) -> dict[str, Any]:
    """As all of them are where nothing is measured, and each for its first seconds."""
    kind = f"ContainerResource_{container}"
    return {"name": f"Hadoop:service=NodeManager,name={kind}", "modelerType": kind}


def using(container: str, memory: float, cores: float, peak: float | None = None) -> dict[str, Any]:
    """Of so many MiB and cores."""
    return bean(
        container,
        PMemUsageMBsAvgMBs=memory,
        PMemUsageMBsMaxMBs=peak or memory,
        PCpuUsagePercentAvgPercents=100 * cores,
        PCpuUsagePercentMaxPercents=100 * cores,
    )


def answer(*beans: dict[str, Any]) -> str:
    return json.dumps({"beans": list(beans)})
