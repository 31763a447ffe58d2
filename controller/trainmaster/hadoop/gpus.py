"""What a NodeManager tells of its GPUs: `/ws/v1/node/resources/yarn.io%2Fgpu` (NMWebServices, NMGpuResourceInfo).

Pure. Nothing of an answer is taken on trust: each number is within its bounds or not known. Never here: whose a container is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainmaster.errors import DeniedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.http import Json
from trainmaster.hadoop.rest import elements
from trainmaster.json_text import loads, number_within

PATH = "/ws/v1/node/resources/yarn.io%2Fgpu"
MIB = 1024 * 1024
MOST = 128
"""GPUs of one node that are believed in"""
HOTTEST = 250.0
"""degrees Celsius; and what is not known comes as Float.MIN_VALUE (PerGpuTemperature)"""
LARGEST = 1024 * 1024 * MIB
"""bytes of a GPU's memory that are believed in; and what is not known comes as -1 (PerGpuMemoryUsage)"""
_LATCHED = re.compile(r"for \d+ times, skip", re.ASCII)
"""GpuDiscoverer after ten failures of nvidia-smi in a row; 3.3 and 3.4 have two forms of it"""
_UUID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


class GpuTrouble(StrEnum):
    """Why a node tells nothing of its GPUs."""

    UNREACHABLE = "Unreachable"
    """no answer, not in time, or only an error of its web server"""
    DENIED = "Denied"
    """it doesn't let us ask"""
    FAILED = "Failed"
    """its nvidia-smi fails"""
    LATCHED = "Latched"
    """its nvidia-smi failed ten times in a row, and it tries no more until it is restarted"""
    NO_PLUGIN = "NoPlugin"
    """it has no GPUs to give"""
    SENSELESS = "Senseless"
    """what it answered is not understood"""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device, as nvidia-smi told its NodeManager. None where it doesn't tell."""

    minor: int
    """of /dev/nvidia<minor>"""
    uuid: str = ""
    utilization: float | None = None
    """ratio of the time in which a kernel ran, 0 to 1. A device that can't tell (one in MIG mode) comes as 0"""
    memory_used: int | None = None
    """bytes"""
    memory: int | None = None
    """bytes, of the framebuffer"""
    temperature: float | None = None
    """degrees Celsius"""


@dataclass(frozen=True, slots=True)
class NodeGpus:
    """One answer."""

    gpus: tuple[Gpu, ...] = ()
    """by minor number"""
    owners: Mapping[int, str] = field(default_factory=dict)
    """minor number -> the container that it is assigned to; none where the NodeManager doesn't isolate devices"""


class SenselessError(UnavailableError):
    """An answer that is none."""


def read(body: bytes) -> NodeGpus:
    """What the answer tells. SenselessError for anything else; no GPUs for a node without the plugin."""
    try:
        document = loads(body)
    except ValueError as error:
        raise SenselessError("the answer is not JSON") from error
    if not isinstance(document, dict):
        raise SenselessError("the answer is no JSON object")
    try:
        return _node(document)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise SenselessError(f"the answer is not understood: {type(error).__name__}") from error


def trouble_of(error: TrainmasterError) -> GpuTrouble:
    """What kind of trouble an error is, by the NodeManager's own words where it has some."""
    words = str(error)
    if isinstance(error, SenselessError):
        return GpuTrouble.SENSELESS
    if _LATCHED.search(words):
        return GpuTrouble.LATCHED
    if "GPU device" in words or "nvidia-smi" in words:
        return GpuTrouble.FAILED
    if isinstance(error, DeniedError):
        return GpuTrouble.DENIED
    return GpuTrouble.UNREACHABLE if isinstance(error, UnavailableError) else GpuTrouble.SENSELESS


def words_of(error: TrainmasterError) -> str:
    """The same for a person, with what helps where that isn't plain."""
    latched = trouble_of(error) is GpuTrouble.LATCHED
    return f"{error} It tries no more until it is restarted." if latched else str(error)


def _node(document: dict[str, Json]) -> NodeGpus:
    told = document.get("gpuDeviceInformation")
    devices = elements(told, "gpus") if told else []
    known = {gpu.minor: gpu for gpu in map(_gpu, _few(devices)) if gpu.minor >= 0}
    # Where an administrator names the devices (allowed-gpu-devices), others of the machine are none of YARN's.
    total = [_minor(each) for each in _few(elements(document, "totalGpuDevices"))]
    owners = {
        _minor(each): str(each["containerId"]) for each in _few(elements(document, "assignedGpuDevices"))
    }
    gpus = tuple(known.get(minor, Gpu(minor)) for minor in sorted(set(total) or set(known)))
    return NodeGpus(gpus, owners)


def _few(devices: list[Json]) -> list[Json]:
    if len(devices) > MOST:
        raise SenselessError(f"the answer tells of {len(devices)} GPUs")
    return devices


def _gpu(each: Json) -> Gpu:
    memory, used = each.get("gpuMemoryUsage") or {}, "usedMemoryMiB"
    told = number_within(memory.get(used), 0, LARGEST / MIB)
    # The total is made of the other two, so it is wrong where one of them isn't known.
    total = number_within(memory.get("totalMemoryMiB"), 1, LARGEST / MIB) if told is not None else None
    load = number_within((each.get("gpuUtilizations") or {}).get("overallGpuUtilization"), 0, 100)
    uuid = str(each.get("uuid") or "")
    return Gpu(
        minor=_minor(each),
        uuid=uuid if _UUID.fullmatch(uuid) else "",
        utilization=None if load is None else round(load / 100, 4),
        memory_used=None if told is None else int(told * MIB),
        memory=None if total is None else int(total * MIB),
        temperature=number_within((each.get("temperature") or {}).get("currentGpuTemp"), 0.5, HOTTEST),
    )


def _minor(each: Json) -> int:
    """-1 where nvidia-smi tells none."""
    found = int(each["minorNumber"])
    return found if -1 <= found < 4096 else -1
