"""What a NodeManager measures of its containers: the beans `ContainerResource_<container>` at its `/jmx` (ContainerMetrics).

Pure. Nothing of an answer is taken on trust: each number is within its bounds or not known. Never here: whose a container is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trainmaster.errors import DeniedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.http import Json
from trainmaster.json_text import loads, number_within

_BEAN = "ContainerResource_"
PATH = f"/jmx?qry=Hadoop:service=NodeManager,name={_BEAN}*"
"""of all containers of a node in one answer"""
MIB = 1024 * 1024
MOST = 4096
"""containers of one node that are believed in"""
LARGEST = 64 * 1024 * 1024
"""MiB of a container's memory that are believed in"""
MOST_CORES = 4096.0
SWITCH = "yarn.nodemanager.container-metrics.period-ms"
HOW = f"the NodeManager measures nothing of its containers: set {SWITCH} to 10000 in its yarn-site.xml and restart it"


class UseTrouble(StrEnum):
    """Why a node tells nothing of what its containers use."""

    OFF = "Off"
    """it doesn't measure that"""
    UNREACHABLE = "Unreachable"
    """no answer, not in time, too long a one, or only an error of its web server"""
    DENIED = "Denied"
    """it doesn't let us ask"""
    SENSELESS = "Senseless"
    """what it answered is not understood"""


@dataclass(frozen=True, slots=True)
class Use:
    """What a container uses, over all of its processes. None where it isn't told."""

    memory: int | None = None
    """bytes of physical memory, over the last period of the NodeManager"""
    memory_peak: int | None = None
    """the most that was seen of it, by looks some seconds apart"""
    cores: float | None = None
    """cores of CPU over that period"""
    cores_peak: float | None = None

    def __bool__(self) -> bool:
        return self.memory is not None or self.cores is not None


class SenselessError(UnavailableError):
    """An answer that is none."""


def read(body: bytes) -> dict[str, Use]:
    """By container: what it uses; without numbers where nothing was measured of it. SenselessError for any other answer."""
    try:
        document = loads(body)
        beans = document["beans"]
        if len(beans) > MOST:
            raise SenselessError(f"the answer tells of {len(beans)} containers")
        return dict(_containers(beans))
    except ValueError as error:
        raise SenselessError("the answer is not JSON") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise SenselessError(f"the answer is not understood: {type(error).__name__}") from error


def trouble_of(error: TrainmasterError) -> UseTrouble:
    """What kind of trouble an error is."""
    if isinstance(error, SenselessError):
        return UseTrouble.SENSELESS
    return UseTrouble.DENIED if isinstance(error, DeniedError) else UseTrouble.UNREACHABLE


def _containers(beans: list[Mapping[str, Json]]) -> Iterator[tuple[str, Use]]:
    for bean in beans:
        _, mark, container = bean["name"].rpartition(_BEAN)
        if mark:
            yield container, _use(bean)


def _use(bean: Mapping[str, Json]) -> Use:
    """Before the first look at it all is 0, or the least that a float may be."""
    return Use(*_memory(bean), *_cores(bean))


def _memory(bean: Mapping[str, Json]) -> tuple[int | None, int | None]:
    now, peak = _pair(bean, "PMemUsageMBs", "MBs", LARGEST)
    return (None if now is None else int(now * MIB)), (None if peak is None else int(peak * MIB))


def _cores(bean: Mapping[str, Json]) -> tuple[float | None, float | None]:
    """They are told in percent of one core."""
    now, peak = _pair(bean, "PCpuUsagePercent", "Percents", 100 * MOST_CORES)
    return (None if now is None else round(now / 100, 3)), (None if peak is None else round(peak / 100, 3))


def _pair(bean: Mapping[str, Json], name: str, unit: str, most: float) -> tuple[float | None, float | None]:
    """The mean of the last period, and the most since the container began."""
    if not number_within(bean.get(f"{name}NumUsage"), 1, 2**63):
        return None, None
    now = number_within(bean.get(f"{name}Avg{unit}"), 0, most)
    peak = number_within(bean.get(f"{name}Max{unit}"), 0, most)
    return now, peak if peak is None or now is None else max(now, peak)
