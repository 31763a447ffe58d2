"""Gauges of jobs: what each that lives has, and sums over all. Series of a job vanish with its application.

Never here: counting over time, and GPUs as their NodeManagers tell of them (observe/gpus/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trainmaster.api.status import ConditionType, ReplicaState
from trainmaster.master.picture import NO_BEAT, Beat, FleetPicture, Picture
from trainmaster.observe.holdings import Holdings, held_by

JOB_LABELS = ("job_namespace", "job_name")
"""not `namespace` and `job`, which Prometheus itself gives to what it scrapes"""
ROLE_LABELS = (*JOB_LABELS, "role")
HELD_LABELS = (*JOB_LABELS, "queue", "user")
MIB = 1024 * 1024


def is_live(picture: Picture) -> bool:
    """Has an application in YARN and no end yet: what per-job series are bounded by."""
    open_ = picture.memory is not None and picture.memory.application is not None
    return open_ and not picture.status.is_true(ConditionType.FINISHED)


def job_gauges(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """`now` is seconds since the epoch, on the clock that stamps `FleetPicture.beats`."""
    live = [p for p in fleet.jobs.values() if is_live(p)]
    yield _jobs(fleet)
    yield from _waits(fleet, now)
    yield from _roles(live)
    yield from _replicas_and_holdings(live)
    yield _restarts(live)
    yield from _expiry(live, fleet, now)
    yield from _token_ages(live, fleet, now)


def _jobs(fleet: FleetPicture) -> Metric:
    jobs = GaugeMetricFamily("trainmaster_jobs", "Declared jobs.", labels=["state", "queue", "framework"])
    for labels, number in sorted(Counter(map(_job_labels, fleet.jobs.values())).items()):
        jobs.add_metric(labels, number)
    return jobs


def _job_labels(picture: Picture) -> tuple[str, str, str]:
    job = picture.declared.job
    state = picture.status.state or "Unknown"
    return (state, job.spec.queue, str(job.spec.framework)) if job else (state, "", "")


def _waits(fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """By queue and not by job: there may be as many waiting as are declared."""
    longest: dict[str, float] = {}
    gangs: Counter[str] = Counter()
    for picture in fleet.jobs.values():
        memory = picture.memory
        since = _waiting_since(picture)
        if since:
            queue = _queue(picture)
            longest[queue] = max(longest.get(queue, 0.0), now - since)
        if memory and memory.gathering and memory.gang_since:
            gangs[_queue(picture)] += 1
    yield _by_queue(
        "trainmaster_longest_wait_seconds",
        "How long the job has waited that waits longest to start, by queue; absent where none waits.",
        longest,
    )
    yield _by_queue(
        "trainmaster_gangs_waiting", "Jobs that gather a gang, and hold what has come of it.", gangs
    )


def _by_queue(name: str, text: str, values: dict[str, float] | Counter[str]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=["queue"])
    for queue, value in sorted(values.items()):
        gauge.add_metric([queue], value)
    return gauge


def _waiting_since(picture: Picture) -> float:
    """When a job was declared, or resumed, that hasn't started anything since; 0 for any other. One whose application YARN lost
    waits since it was submitted anew: it ran before."""
    memory = picture.memory
    if memory is None or memory.active_since or memory.closing_since or memory.verdict:
        return 0.0
    if picture.status.state == "Refused":
        return 0.0
    if memory.lost_applications:
        return memory.application.submitted_at if memory.application else 0.0
    return memory.queued_at


def _queue(picture: Picture) -> str:
    job, memory = picture.declared.job, picture.memory
    if memory and memory.application:
        return memory.application.queue
    return job.spec.queue if job else ""


def _roles(live: Sequence[Picture]) -> Iterator[Metric]:
    # two metrics, not one with a label: wanted and running must never be added up
    wanted = GaugeMetricFamily(
        "trainmaster_replicas_wanted",
        "Replicas that a live job wants now: an elastic role may want fewer than it declares.",
        labels=ROLE_LABELS,
    )
    running = GaugeMetricFamily(
        "trainmaster_replicas_running", "Replicas of a live job that run.", labels=ROLE_LABELS
    )
    for picture in live:
        for role, status in picture.status.roles.items():
            labels = (picture.declared.namespace, picture.declared.name, role)
            wanted.add_metric(labels, status.wanted)
            running.add_metric(labels, status.running)
    yield wanted
    yield running


def _replicas_and_holdings(live: Sequence[Picture]) -> Iterator[Metric]:
    states = GaugeMetricFamily("trainmaster_replicas", "Replicas of live jobs.", labels=["state"])
    holdings = [(picture, held_by(picture.status)) for picture in live]
    total: Counter[ReplicaState] = Counter()
    for _, held in holdings:
        total.update(held.states)
    for state in ReplicaState:  # each is there, so that none has gaps
        states.add_metric([state], total[state])
    yield states
    yield from _holdings(holdings)


def _holdings(holdings: Sequence[tuple[Picture, Holdings]]) -> Iterator[Metric]:
    families = [
        GaugeMetricFamily(f"trainmaster_held_{name}", text, labels=HELD_LABELS)
        for name, text in (
            ("containers", "Containers that YARN granted to replicas of a live job."),
            ("memory_bytes", "Memory of these containers."),
            ("vcores", "Virtual cores of these containers."),
            ("gpus", "GPUs of these containers."),
        )
    ]
    for picture, held in holdings:
        labels = (
            picture.declared.namespace,
            picture.declared.name,
            _queue(picture),
            picture.status.user,
        )
        values = (held.containers, held.memory_mib * MIB, held.vcores, held.gpus)
        for family, value in zip(families, values, strict=True):
            family.add_metric(labels, value)
    yield from families


def _restarts(live: Sequence[Picture]) -> Metric:
    restarts = CounterMetricFamily(
        "trainmaster_job_restarts",
        "Restarts of a live job, by whether they were charged to its backoffLimit.",
        labels=(*JOB_LABELS, "charged"),
    )
    for picture in live:
        if memory := picture.memory:
            labels = (picture.declared.namespace, picture.declared.name)
            restarts.add_metric((*labels, "true"), memory.charged)
            restarts.add_metric((*labels, "false"), max(0, memory.restarts - memory.charged))
    return restarts


def _expiry(live: Sequence[Picture], fleet: FleetPicture, now: float) -> Iterator[Metric]:
    each = GaugeMetricFamily(
        "trainmaster_job_expiry_seconds",
        "Time left until the ResourceManager gives a live job up, should nobody heartbeat for it.",
        labels=JOB_LABELS,
    )
    shortest = GaugeMetricFamily(
        "trainmaster_application_expiry_seconds",
        "Time left until the ResourceManager ends the longest silent application; absent when none runs.",
    )
    left = {
        (p.declared.namespace, p.declared.name): beat + fleet.expiry - now
        for p in live
        if (beat := _beat(fleet, p)[0])
    }
    for labels, seconds in left.items():
        each.add_metric(labels, seconds)
    if left:
        shortest.add_metric([], min(left.values()))
    yield each
    yield shortest


def _beat(fleet: FleetPicture, picture: Picture) -> Beat:
    return fleet.beats.get(picture.declared.uid, NO_BEAT)


def _token_ages(live: Sequence[Picture], fleet: FleetPicture, now: float) -> Iterator[Metric]:
    """The oldest of each kind: YARN renews them itself, the one with an answer, the other with a grant."""
    memories = [p.memory for p in live if p.memory]
    masters = [m.application for m in memories if m.application and m.application.token]
    given = [a.token_at or a.submitted_at for a in masters]
    nodes = [at for p in live if (at := _beat(fleet, p)[1])]
    for name, text, times in (
        (
            "amrm",
            "Age of the oldest token with which a live application is spoken for; absent when none runs.",
            given,
        ),
        (
            "nm",
            "Age of the oldest token with which a NodeManager is spoken to; absent where there is none.",
            nodes,
        ),
    ):
        gauge = GaugeMetricFamily(f"trainmaster_{name}_token_age_seconds", text)
        if times:
            gauge.add_metric([], max(0.0, now - min(times)))
        yield gauge
