"""The ResourceManager's REST answers that its RPC doesn't give: queues with their limits, applications with their use.

`/ws/v1/cluster/...` (ResourceManagerRest.html in Hadoop's documentation). Its oddities end here: empty lists
that are null or `{}`, lists of one that come as the thing itself, numbers as strings.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.hadoop.configuration import HadoopConf
from trainmaster.hadoop.http import Http, Json
from trainmaster.hadoop.messages import GPU
from trainmaster.hadoop.values import ApplicationState, FinalStatus, QueueState, Resource
from trainmaster.json_text import number_within

Found = TypeVar("Found")
_DIGITS = re.compile(r"\s*-?\d{1,19}\s*", re.ASCII)
_LARGEST = 2**63  # no number of Java's reaches this
_DEEPEST = 100  # queues in each other


@dataclass(frozen=True, slots=True)
class Share:
    """What a queue may use of the nodes of one label, and what it uses."""

    maximum: Resource | None
    used: Resource


@dataclass(frozen=True, slots=True)
class RestUser:
    """A user of a leaf queue, who has applications there."""

    name: str
    used: Resource
    maximum: Resource
    """nothing at all until the scheduler has worked it out (UsersManager)"""


@dataclass(frozen=True, slots=True)
class RestQueue:
    """One queue of the CapacityScheduler."""

    name: str
    path: str
    leaf: bool
    """only leaves take applications"""
    state: QueueState
    capacity: Resource | None
    """guaranteed, of the cluster as it is now; None where not told"""
    maximum: Resource | None
    """absolute maximum, of the cluster as it is now"""
    largest: Resource | None
    """largest single allocation that the configuration allows here, whatever nodes there are now"""
    used: Resource
    running: int
    """active applications"""
    pending: int
    """applications that wait, mostly for the share of ApplicationMasters"""
    label: str = ""
    """of the nodes that asks without a label of their own are for (default-node-label-expression)"""
    labelled: Mapping[str, Share] = field(default_factory=dict)
    """its share of the nodes of each label"""
    users: tuple[RestUser, ...] = ()
    creates: bool = False
    """a parent that makes its queues when something is first submitted to them (CapacitySchedulerInfoHelper; before 3.4
    only autoCreateChildQueueEnabled tells)"""


@dataclass(frozen=True, slots=True)
class RestApplication:
    """One application."""

    id: str
    user: str
    queue: str
    state: ApplicationState
    final_status: FinalStatus
    diagnostics: str
    """the scheduler's own words, also on why it isn't activated"""
    containers: int
    allocated: Resource
    memory_seconds: int
    """MiB seconds so far"""
    vcore_seconds: int
    gpu_seconds: int


@dataclass(frozen=True, slots=True)
class RestMetrics:
    """The cluster in numbers."""

    applications_running: int
    applications_pending: int
    total: Resource
    used: Resource
    nodes_active: int
    nodes_lost: int
    nodes_unhealthy: int


class Rest:
    """The ResourceManager's REST. Raises UnavailableError, RefusedError (kind is the HTTP status) and DeniedError."""

    def __init__(self, conf: HadoopConf, http: Http) -> None:
        self._webs, self._http = conf.webs, http
        self._active = 0

    async def queues(self) -> tuple[RestQueue, ...]:
        """All queues, the root first; none for schedulers other than the CapacityScheduler."""
        document = await self._get("scheduler")
        info = _dig(document, "scheduler", "schedulerInfo")
        if info.get("type") != "capacityScheduler":
            return ()
        # In a thread: there may be thousands of queues, and meanwhile others are to be heard.
        return await asyncio.to_thread(_understood, lambda: _all_queues(info))

    async def application(self, application: str) -> RestApplication | None:
        """One application; None if the ResourceManager answered that it knows none of that id."""
        try:
            document = await self._get(f"apps/{application}")
        except RefusedError as error:
            if error.kind == "404":
                return None
            raise
        return _understood(lambda: _application(_dig(document, "app")))

    async def metrics(self) -> RestMetrics:
        found = _dig(await self._get("metrics"), "clusterMetrics")
        return _understood(lambda: _metrics(found))

    async def _get(self, path: str) -> Json:
        """From the ResourceManager that answered last, else from the next one (a standby redirects to the active one)."""
        errors = []
        for _ in self._webs:
            try:
                return await self._http.json(f"{self._webs[self._active]}/ws/v1/cluster/{path}")
            except UnavailableError as error:
                errors.append(str(error))
                self._active = (self._active + 1) % len(self._webs)
        raise UnavailableError("; ".join(errors))


def elements(holder: Json, key: str) -> list[Json]:
    """The list under `key`: null, `{}`, one element by itself or a list, as Hadoop's JSON has it."""
    value = holder.get(key) if isinstance(holder, dict) else None
    if value is None or value == {}:
        return []
    return value if isinstance(value, list) else [value]


def whole(value: Json) -> int:
    """A whole number, that may have come as a string; 0 where there is none, or one that Java hasn't."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)  # to the last digit: Long.MAX_VALUE stands for "no limit"
    if isinstance(value, int) and abs(value) < _LARGEST:
        return int(value)
    return int(number_within(value, 1 - _LARGEST, _LARGEST - 1) or 0)


def _text(value: Json) -> str:
    """A name or words; TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is no text")
    return value


def _understood(parse: Callable[[], Found]) -> Found:
    """What `parse` makes of an answer; an answer in a form that isn't known says nothing."""
    try:
        return parse()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnavailableError(f"the ResourceManager's answer is not understood: {error!r:.200}") from error


def _dig(document: Json, *keys: str) -> dict[str, Json]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise UnavailableError(f"the ResourceManager's answer holds no {'.'.join(keys)}")
    return document


def _all_queues(info: Json) -> tuple[RestQueue, ...]:
    root = _root(info)
    return (root, *_queues(info, root.path))


def _queues(holder: Json, above: str, left: int = _DEEPEST) -> Iterator[RestQueue]:
    if not left:
        raise ValueError(f"more than {_DEEPEST} queues in each other")
    for each in elements(holder.get("queues"), "queue"):
        path = _text(each.get("queuePath") or f"{above}.{each['queueName']}")  # not told before Hadoop 3.4
        children = list(_queues(each, path, left - 1))
        yield _queue(each, path, leaf=not children and _is_leaf(each))
        yield from children


def _is_leaf(each: Json) -> bool:
    """Of a queue without children; the kind is not told before Hadoop 3.4, where a parent without any makes them itself."""
    told = each.get("queueType")
    return told == "leaf" if told else not _creates(each)


def _queue(each: Json, path: str, *, leaf: bool) -> RestQueue:
    return RestQueue(
        name=_text(each["queueName"]),
        path=path,
        leaf=leaf,
        state=QueueState(each.get("state", "RUNNING")),
        capacity=_resource(each.get("minEffectiveCapacity")),
        maximum=_resource(each.get("maxEffectiveCapacity")),
        largest=_resource(each.get("maximumAllocation")),
        used=_resource(each.get("resourcesUsed")) or Resource(),
        running=whole(each.get("numActiveApplications")),
        pending=whole(each.get("numPendingApplications")),
        label=_label(each),
        labelled=dict(_shares(each)),
        users=tuple(_users(each)),
        creates=_creates(each),
    )


def _root(info: Json) -> RestQueue:
    """The root, of which less is told than of other queues: it is what the whole cluster has."""
    name = _text(info.get("queueName") or "root")
    return RestQueue(
        name, name, False, QueueState.RUNNING, None, None, None, Resource(), 0, 0, creates=_creates(info)
    )


def _creates(each: Json) -> bool:
    told = each.get("autoCreationEligibility")
    return told != "off" if told else each.get("autoCreateChildQueueEnabled") is True


def _label(each: Json) -> str:
    """`<DEFAULT_PARTITION>` and an empty expression are the nodes without a label."""
    label = (each.get("defaultNodeLabelExpression") or "").strip()
    return "" if label.startswith("<") else label


def _shares(each: Json) -> Iterator[tuple[str, Share]]:
    by = "partitionName"
    used = elements(each.get("resources"), "resourceUsagesByPartition")
    uses = {one.get(by): _resource(one.get("used")) for one in used}
    for one in elements(each.get("capacities"), "queueCapacitiesByPartition"):
        if label := _text(one.get(by) or ""):
            maximum = _resource(one.get("effectiveMaxResource"))
            yield label, Share(maximum, uses.get(label) or Resource())


def _users(each: Json) -> Iterator[RestUser]:
    for one in elements(each.get("users"), "user"):
        used, maximum = _resource(one.get("resourcesUsed")), _resource(one.get("userResourceLimit"))
        yield RestUser(_text(one["username"]), used or Resource(), maximum or Resource())


def _resource(value: Json) -> Resource | None:
    if not isinstance(value, dict):
        return None
    known = {
        each.get("name"): each for each in elements(value.get("resourceInformations"), "resourceInformation")
    }
    return Resource(
        whole(value.get("memory")), whole(value.get("vCores")), whole(known.get(GPU, {}).get("value"))
    )


def _application(app: Json) -> RestApplication:
    seconds = {
        each.get("key"): whole(each.get("value")) for each in elements(app.get("resourceSecondsMap"), "entry")
    }
    return RestApplication(
        id=_text(app["id"]),
        user=_text(app.get("user", "")),
        queue=_text(app.get("queue", "")),
        state=ApplicationState(app["state"]),
        final_status=FinalStatus(app.get("finalStatus", "UNDEFINED")),
        diagnostics=_text(app.get("diagnostics") or ""),
        # -1 stands for "not running".
        containers=max(0, whole(app.get("runningContainers"))),
        allocated=Resource(max(0, whole(app.get("allocatedMB"))), max(0, whole(app.get("allocatedVCores")))),
        memory_seconds=whole(app.get("memorySeconds")),
        vcore_seconds=whole(app.get("vcoreSeconds")),
        gpu_seconds=seconds.get(GPU, 0),
    )


def _metrics(found: Json) -> RestMetrics:
    return RestMetrics(
        applications_running=whole(found.get("appsRunning")),
        applications_pending=whole(found.get("appsPending")),
        total=_resource(found.get("totalClusterResourcesAcrossPartition")) or Resource(),
        used=_resource(found.get("totalUsedResourcesAcrossPartition")) or Resource(),
        nodes_active=whole(found.get("activeNodes")),
        nodes_lost=whole(found.get("lostNodes")),
        nodes_unhealthy=whole(found.get("unhealthyNodes")),
    )
