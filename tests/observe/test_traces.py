"""A run of a job as a trace: what it says, that it adds up, and that sending it costs nobody anything."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread, Timer
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from observe.collector import Collector
from plan.build import THROUGH_NEW, World, job
from trainmaster.master.codec import decode
from trainmaster.master.codec import encode as encode_memory
from trainmaster.master.kubeflow import Kubeflow
from trainmaster.master.life import Life as LifeOfJob
from trainmaster.master.lives import Lives
from trainmaster.observe.traces import exporter, otlp
from trainmaster.observe.traces.exporter import Exporter
from trainmaster.observe.traces.otlp import encode
from trainmaster.observe.traces.spans import Trace, trace_of
from trainmaster.plan.container import ContainerState
from trainmaster.plan.ends import Life
from trainmaster.plan.memory import Memory, Verdict, replace
from trainmaster.plan.phase import Phase, Since
from trainmaster.plan.phases import MOST, with_phase
from trainmaster.settings import Traces


def story() -> World:
    """It waits, gathers, starts, runs, is restarted once, and succeeds."""
    world = World(
        job("PyTorch", {"backoffLimit": 3, "backoff": {"base": 10}}, worker=2),
        now=1_750_000_000.0,
        limits=THROUGH_NEW,
    )
    world.later(5)
    world.registers().later(20)
    world.grants("worker-0", "worker-1").later(2)
    world.starts().later(100)
    world.ends("worker-1", 1).later(1)
    world.obeys().later(15)
    world.grants("worker-0", "worker-1").later(2)
    world.starts().later(60)
    world.all_end({"worker-0": 0, "worker-1": 0}).later(3)
    return world.obeys().closes()


def traced(memory: Memory, now: float = 0.0) -> Trace:
    found = trace_of(memory, memory.verdict, now)
    assert found
    return found


PHASES = {phase.value for phase in Phase}


def phases_of(trace: Trace) -> list[str]:
    return [span.name for span in trace.spans[1:] if span.name in PHASES]


def test_a_job_that_was_restarted_is_told_phase_by_phase() -> None:
    world = story()
    trace = traced(world.memory)
    assert phases_of(trace) == [
        "Queued",
        "GangWait",
        "Localising",
        "Running",
        "Restarting",
        "Running",
        "Stopping",
    ]
    root, *spans = trace.spans
    assert root.attributes["trainmaster.job.result"] == "Succeeded"
    assert root.attributes["trainmaster.job.restarts"] == 1
    assert root.failed is None
    (restart,) = (span for span in spans if span.name == "Restarting")
    assert "exit code 1" in str(restart.attributes["trainmaster.cause"])
    processes = [span for span in spans if span.name.startswith("worker-")]
    assert len(processes) == 4
    assert [span.failed for span in processes].count(None) == 3
    assert all(span.parent == root.id for span in spans)


def test_bringing_files_is_told_apart_from_what_else_a_start_takes() -> None:
    """Of the worker nobody can say that its files are brought before the parameter server runs, for which it waits."""
    roles = {"worker": {"startAfter": [{"role": "ps", "when": "Running"}]}}
    world = World(job("PyTorch", roles=roles, ps=1, worker=1), now=1_750_000_000.0, limits=THROUGH_NEW)
    world.later(5).registers().grants("ps-0", "worker-0").later(1)
    world.turns(ContainerState.STARTING, "ps-0").later(30)
    world.turns(ContainerState.RUNNING, "ps-0").later(2)
    world.turns(ContainerState.STARTING, "worker-0").later(7)
    world.turns(ContainerState.RUNNING, "worker-0").later(60)
    trace = traced(world.memory, world.now)
    adds_up(trace)
    told = [(span.name, span.ended - span.began) for span in trace.spans[1:] if span.name in PHASES]
    assert [name for name, _ in told] == [
        "Queued", "GangWait", "Localising", "Starting", "Localising", "Running",
    ]  # fmt: skip
    assert [seconds for name, seconds in told if name == "Localising"] == [31, 7]


def test_the_phases_add_up_to_the_life_of_the_job() -> None:
    adds_up(traced(story().memory))


def adds_up(trace: Trace) -> None:
    root, *spans = trace.spans
    phases = [span for span in spans if span.name in PHASES]
    assert phases[0].began == root.began
    assert phases[-1].ended == root.ended
    assert all(one.ended == next_.began for one, next_ in pairwise(phases))
    assert sum(s.ended - s.began for s in phases) == pytest.approx(root.ended - root.began, abs=1e-5)
    assert all(root.began <= s.began <= s.ended <= root.ended for s in spans)
    assert len({s.id for s in trace.spans}) == len(trace.spans)


STATES = st.sampled_from(["Queued", "Restarting", "Running", "Starting"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "suspended": st.booleans(),
        "started_generation": st.integers(0, 1),
        "gang_since": st.sampled_from([0.0, 1.0]),
        "started_at": st.sampled_from([0.0, 1.0]),
        "closing_since": st.sampled_from([0.0, 1.0]),
        "active_since": st.sampled_from([0.0, 1.0]),
    },
)


@given(
    st.lists(st.tuples(st.floats(-5, 1000), STATES, FIELDS), min_size=1, max_size=150),
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)), max_size=5),
)
def test_they_add_up_whatever_happens_and_however_a_clock_goes(
    moves: list[tuple[float, str, dict[str, Any]]], lives: list[tuple[float, float]]
) -> None:
    now, memory = 10_000.0, Memory("u", "vision", "mnist", queued_at=9_999.0)
    for step, state, fields in moves:
        now += step
        memory = with_phase(replace(memory, **fields), state, now, lambda _, brings=step > 100: brings)
        assert decode(encode_memory(memory)).phases == memory.phases
    assert 1 <= len(memory.phases) <= MOST
    lived = tuple(
        Life("worker", n, 1, 1, f"c{n}", "a", "a:1", began, ended) for n, (began, ended) in enumerate(lives)
    )
    verdict = Verdict(False, "Failed", "it failed", now)
    trace = trace_of(replace(memory, lives=lived), verdict, now)
    assert trace
    adds_up(trace)
    assert trace.spans[0].failed == "it failed"


def test_of_many_phases_the_oldest_become_one() -> None:
    memory = Memory("u", "vision", "mnist", queued_at=1.0)
    for n in range(3 * MOST):
        memory = with_phase(replace(memory, gang_since=float(n % 2)), "Queued", 1.0 + n, lambda _: False)
    assert memory.phases[0] == Since(Phase.EARLIER, 1.0)
    assert len(memory.phases) == MOST


def test_a_job_that_an_older_controller_began_is_told_from_when_it_was_queued() -> None:
    memory = Memory(
        "u", "vision", "mnist", queued_at=100.0, active_since=120.0, started_at=130.0, started_generation=1
    )
    kept = with_phase(memory, "Running", 900.0, lambda _: False)
    assert kept.phases == (Since(Phase.EARLIER, 100.0), Since(Phase.RUNNING, 900.0))


def test_ids_are_those_of_the_run_whoever_sends_them() -> None:
    memory = story().memory
    again, other = traced(decode(encode_memory(memory))), traced(replace(memory, rerun=1))
    assert again == traced(memory)
    assert (len(again.id), len(again.spans[0].id)) == (32, 16)
    assert not {s.id for s in again.spans} & {s.id for s in other.spans}


def test_a_job_without_phases_has_no_trace() -> None:
    assert trace_of(Memory("u", "vision", "mnist"), None, 1.0) is None


def test_a_deleted_job_is_neither_a_success_nor_a_failure() -> None:
    trace = trace_of(story().memory, None, 0.0)
    assert trace
    assert trace.spans[0].attributes["trainmaster.job.result"] == "Deleted"
    assert trace.spans[0].failed is None


def test_secrets_in_words_are_hidden() -> None:
    memory = story().memory
    verdict = Verdict(False, "Failed", "can't read https://me:hunter2@host/x", 1.0)
    trace = trace_of(memory, verdict, 1.0)
    assert trace
    assert "hunter2" not in encode([trace], "1").decode()


def test_the_form_is_that_of_otlp() -> None:
    """https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in hexadecimal, 64-bit numbers as texts."""
    (resource,) = json.loads(encode([traced(story().memory)], "1.2"))["resourceSpans"]
    names = {each["key"]: each["value"] for each in resource["resource"]["attributes"]}
    assert names == {
        "service.name": {"stringValue": "trainmaster"},
        "service.version": {"stringValue": "1.2"},
    }
    root, *others = resource["scopeSpans"][0]["spans"]
    assert "parentSpanId" not in root
    assert {each["parentSpanId"] for each in others} == {root["spanId"]}
    for span in (root, *others):
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert isinstance(span["endTimeUnixNano"], str)
        bytes.fromhex(span["traceId"] + span["spanId"])
        assert all(len(each["value"]) == 1 for each in span["attributes"])
    assert int(root["startTimeUnixNano"]) == 1_750_000_000 * 10**9
    restarts = next(each for each in root["attributes"] if each["key"] == "trainmaster.job.restarts")
    assert restarts["value"] == {"intValue": "1"}


def test_each_span_is_encoded_by_itself() -> None:
    """Python's encoder lets no other thread work before it is done, and one of them heartbeats."""
    trace = traced(story().memory)
    with patch.object(otlp.json, "dumps", wraps=json.dumps) as dumps:
        encode([trace] * 20, "1.2")
    assert dumps.call_count >= 20 * len(trace.spans)


def ended_with(ttl: Any) -> Trace:
    """What is told of a run that was suspended once and is forgotten so many seconds after its end."""
    policy = {} if ttl is None else {"ttlAfterFinished": ttl}
    wanted = job("PyTorch", policy, worker=2)
    world = World(wanted, now=1_750_000_000.0, limits=THROUGH_NEW)
    world.later(5)
    world.registers().grants("worker-0", "worker-1").later(2)
    world.starts().declares(job("PyTorch", {**policy, "suspend": True}, worker=2)).later(5)
    world.obeys().closes().declares(wanted).later(1)
    world.registers().grants("worker-0", "worker-1").later(2)
    world.starts().all_end({"worker-0": 0, "worker-1": 0}).later(3)
    told = list[tuple[Memory, Verdict | None]]()
    registry = CollectorRegistry()
    over = lambda memory, verdict: told.append((memory, verdict))  # noqa: E731
    before = world.memory
    life = LifeOfJob(Lives(registry), Kubeflow(registry, wanted=False), before, over)
    world.obeys().closes()
    life.changed(before, world.memory, world.now)
    assert world.memory.expired == (ttl == 0)
    ((memory, verdict),) = told
    found = trace_of(memory, verdict, world.now)
    assert found
    return found


def test_a_run_that_is_forgotten_at_once_is_told_like_any_other() -> None:
    at_once, later = ended_with(0), ended_with(None)
    assert at_once == later
    assert str(at_once.spans[0].attributes["trainmaster.job.applications"]).count(",") == 1


# --- sending


async def sent(settings: Traces, runs: int = 1) -> dict[str, float | None]:
    """What became of so many runs that are over."""
    registry = CollectorRegistry()
    export = Exporter(settings, registry, "1.0", pauses=(0.01, 0.01))
    memory = story().memory
    for number in range(runs):
        export.ended(replace(memory, rerun=number), memory.verdict)

    def counted() -> dict[str, float | None]:
        return {
            r: registry.get_sample_value("trainmaster_traces_total", {"result": r})
            for r in ("sent", "failed", "dropped")
        }

    running = asyncio.create_task(export.run())
    while settings.endpoint and sum(filter(None, counted().values())) < runs:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return counted()


async def test_a_run_that_is_over_is_sent_once(tmp_path: Path) -> None:
    secret = tmp_path / "headers"
    secret.write_text("Authorization: Bearer abc:def\n")
    collector = Collector()
    with collector.served() as url:
        assert await sent(Traces(endpoint=f"{url}/base/", headers_file=secret)) == {
            "sent": 1,
            "failed": 0,
            "dropped": 0,
        }
    assert collector.asked == [("/base/v1/traces", "Bearer abc:def")]
    assert len(collector.taken) == 1


async def test_without_an_endpoint_nothing_is_kept_or_sent() -> None:
    assert await sent(Traces()) == {"sent": 0, "failed": 0, "dropped": 0}


async def test_many_go_together() -> None:
    collector = Collector()
    with collector.served() as url:
        assert (await sent(Traces(endpoint=url), 120))["sent"] == 120
    assert len(collector.asked) == 3


@pytest.mark.parametrize(
    ("codes", "asked", "result"),
    [
        ((503, 429, 200), 3, "sent"),
        ((503, 503, 503), 3, "failed"),
        ((400,), 1, "failed"),
        ((302,), 1, "failed"),
    ],
)
async def test_what_is_not_taken_is_tried_again_where_that_may_help(
    codes: tuple[int, ...], asked: int, result: str
) -> None:
    collector = Collector(*codes)
    with collector.served() as url:
        assert (await sent(Traces(endpoint=url)))[result] == 1
    assert len(collector.asked) == asked


async def test_where_nobody_listens_it_is_counted() -> None:
    assert (await sent(Traces(endpoint="http://127.0.0.1:9")))["failed"] == 1


async def test_headers_that_can_not_be_read_are_counted_and_stop_nothing(tmp_path: Path) -> None:
    collector = Collector()
    with collector.served() as url:
        assert (await sent(Traces(endpoint=url, headers_file=tmp_path / "nosuch")))["failed"] == 1


async def test_the_end_of_the_controller_waits_for_no_collector() -> None:
    gave_up = Event()
    with collecting(lambda _, freed: freed.wait()) as (url, asked, freed):
        export, memory = Exporter(Traces(endpoint=url), CollectorRegistry(), "1.0"), story().memory
        export.ended(memory, memory.verdict)
        running = asyncio.create_task(export.run())
        await asyncio.to_thread(asked.wait)
        guard = Timer(3, lambda: (gave_up.set(), freed.set()))
        guard.start()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        guard.cancel()
    assert not gave_up.is_set()


async def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "TIMEOUT", 0.5)

    def drips(connection: socket.socket, freed: Event) -> None:
        while not freed.wait(0.05):
            connection.send(b"H")

    with collecting(drips) as (url, _, _):
        async with asyncio.timeout(20):
            assert (await sent(Traces(endpoint=url)))["failed"] == 1


@contextmanager
def collecting(then: Callable[[socket.socket, Event], object]) -> Iterator[tuple[str, Event, Event]]:
    """A collector that does something else with a connection than answer; whether it has one, and what lets it go."""
    asked, freed = Event(), Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            asked.set()
            with suppress(OSError):
                then(self.request, freed)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked, freed
        finally:
            freed.set()
            server.shutdown()


async def test_no_login_of_the_machine_takes_the_place_of_the_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins, headers = tmp_path / "netrc", tmp_path / "headers"
    logins.write_text("machine 127.0.0.1 login somebody password else\n")
    logins.chmod(0o600)
    headers.write_text("Authorization: Bearer abc\n")
    monkeypatch.setenv("NETRC", str(logins))
    collector = Collector()
    with collector.served() as url:
        await sent(Traces(endpoint=url, headers_file=headers))
    assert collector.asked == [("/v1/traces", "Bearer abc")]


async def test_a_line_that_is_no_header_is_not_sent_as_the_name_of_one(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("abc123\n")
    collector = Collector()
    with collector.served() as url:
        assert (await sent(Traces(endpoint=url, headers_file=headers)))["failed"] == 1
    assert collector.asked == []


async def test_through_a_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Collector()
    with proxy.served() as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "")
        assert (await sent(Traces(endpoint="http://collector.invalid:4318")))["sent"] == 1
    assert [path for path, _ in proxy.asked] == ["http://collector.invalid:4318/v1/traces"]


async def test_a_run_of_which_nothing_is_known_is_not_said_to_be_sent() -> None:
    registry = CollectorRegistry()
    collector = Collector()
    with collector.served() as url:
        export = Exporter(Traces(endpoint=url), registry, "1.0")
        export.ended(Memory("u", "vision", "mnist"), None)
        export.ended(story().memory, None)
        running = asyncio.create_task(export.run())
        while not registry.get_sample_value("trainmaster_traces_total", {"result": "sent"}):
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert registry.get_sample_value("trainmaster_traces_total", {"result": "sent"}) == 1


async def test_more_than_can_wait_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "MOST", 2)
    collector = Collector()
    with collector.served() as url:
        assert await sent(Traces(endpoint=url), 5) == {"sent": 2, "failed": 0, "dropped": 3}


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "grpc://collector:4317",
        "http://me:secret@collector:4318",
        "http://collector:4318?key=1",
        "http://collector:4318/base?key=1",
        "http://collector:4318/#x",
    ],
)
def test_an_endpoint_is_an_http_address_without_a_login_and_what_would_stand_behind_the_path(
    endpoint: str,
) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Traces(endpoint=endpoint)
