"""The web server over real sockets: addresses, status codes, headers, and pages that can't be broken out of."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from unittest.mock import patch
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from observe.gpu_pictures import said, training
from observe.pictures import NOW, exited, fleet, picture, refused, replica, role
from trainmaster.api.job import EnvVar
from trainmaster.api.status import FieldProblem
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.gpus import GpuTrouble
from trainmaster.master.picture import FleetPicture, Shown
from trainmaster.observe import job_gauges
from trainmaster.observe.gpus.values import GpuPicture, Holders, Said
from trainmaster.settings import Settings
from trainmaster.web import answers, pages, times
from trainmaster.web.server import WebServer
from web.serving import Client, serving, serving_

EVIL = "<script>alert(1)</script>\"'"


def address(client: Client) -> str:
    return client.url


async def test_metrics_are_what_prometheus_reads() -> None:
    async with serving(fleet(picture())) as client, client.get("/metrics") as answer:
        names = {f.name for f in text_string_to_metric_families(await answer.text())}
    assert {"trainmaster_jobs", "trainmaster_yarn_up", "process_cpu_seconds"} <= names


async def test_metrics_and_lists_are_made_beside_the_loop() -> None:
    """Of thousands of jobs, or of replicas of one, they take longer than a heartbeat may wait."""
    made_in: list[int] = []
    with patch.object(job_gauges, "is_live", lambda _: made_in.append(threading.get_ident())):
        async with serving(fleet(picture())) as client, client.get("/metrics"):
            assert made_in
            assert threading.get_ident() not in made_in
    with patch.object(answers, "jobs_json", lambda *_: made_in.append(threading.get_ident()) or {}):
        made_in.clear()
        async with serving(fleet(picture())) as client, client.get("/api/jobs"):
            assert made_in
            assert threading.get_ident() not in made_in


async def test_one_job_of_thousands_of_replicas_is_told_beside_the_loop() -> None:
    made_in: list[int] = []
    with patch.object(answers, "job_json", lambda _: made_in.append(threading.get_ident())):
        async with serving(fleet(picture(name="large"))) as client, client.get("/api/jobs/vision/large"):
            assert made_in
            assert threading.get_ident() not in made_in


def test_of_many_jobs_each_is_encoded_by_itself() -> None:
    document = {"jobs": [{"name": f"job-{n}", "owner": EVIL} for n in range(20)], "remaining": 3, "more": []}
    with patch.object(answers.json, "dumps", wraps=json.dumps) as encode:
        text = answers.as_text(document)
    assert json.loads(text) == document
    assert [call.args[0] for call in encode.call_args_list if isinstance(call.args[0], list)] == []


async def test_the_fleet_itself_is_read_on_the_loop_alone_and_at_each_scrape() -> None:
    """With thousands of jobs being taken in, a list of them changed while a scrape's own thread made it: 500."""
    taken_in: list[int] = []

    def shown() -> FleetPicture:
        taken_in.append(threading.get_ident())
        return fleet(*[picture(name=f"job-{n}") for n in range(len(taken_in))])

    async with serving_(shown) as client:
        for number in (1, 2):
            async with client.get("/metrics") as answer:
                found = {f.name: f for f in text_string_to_metric_families(await answer.text())}
                assert sum(sample.value for sample in found["trainmaster_jobs"].samples) == number
    assert taken_in == [threading.get_ident()] * 2


async def test_metrics_speak_openmetrics_when_asked() -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with serving(fleet()) as client, client.get("/metrics", headers=accept) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert (await answer.text()).endswith("# EOF\n")


@pytest.mark.parametrize(
    (
        "shown",
        "status",
        "role_",
        "failing",
    ),  # ready is who can serve: what else is amiss is told, and takes nobody away
    [
        (fleet(), 200, "leader", set()),
        (fleet(leading=False, yarn_up=False), 200, "standby", set()),
        (fleet(leading=False, store_up=False), 200, "standby", {"store"}),
        (fleet(yarn_up=False), 200, "leader", {"yarn"}),
        (fleet(store_up=False, yarn_up=False), 200, "leader", {"store", "yarn"}),
        (fleet(looked_at=0.0), 200, "leader", {"listing"}),
        (fleet(unforeseen="listing"), 200, "leader", {"works"}),
        (fleet(leading=False, unforeseen="watch"), 200, "standby", {"works"}),
        (fleet(trouble="a namespace is gone"), 200, "leader", {"store"}),
        (fleet(unable="no certificate"), 503, "leader", {"serving"}),
        (fleet(leading=False, unable="no certificate"), 503, "standby", {"serving"}),
        (fleet(ticket_left=100.0), 200, "leader", set()),
        (fleet(ticket_left=0.0), 200, "leader", {"kerberos"}),
        (fleet(ticket_left=9.0, ticket_trouble="no KDC"), 200, "leader", {"kerberos"}),
        (fleet(leading=False, ticket_left=9.0, not_proxy="bob"), 200, "standby", {"proxy"}),
    ],
)
async def test_readiness_says_why_not(
    shown: FleetPicture, status: int, role_: str, failing: set[str]
) -> None:
    async with serving(shown) as client, client.get("/readyz") as answer:
        said = await answer.json()
    assert (answer.status, said["role"], said["ready"]) == (status, role_, status == 200)
    assert {c["name"] for c in said["checks"] if not c["ok"]} == failing
    assert said["well"] == (not failing)


async def test_readiness_names_what_a_person_must_mend() -> None:
    words = "the ServiceAccount may not patch trainingjobs/status"
    async with serving(fleet(leading=False, trouble=words)) as client, client.get("/readyz") as answer:
        said = await answer.json()
    assert (answer.status, said["well"]) == (200, False), "whoever is asked can mend nothing"
    assert [c for c in said["checks"] if not c["ok"]] == [{"name": "store", "ok": False, "message": words}]


async def test_alive_even_when_not_ready() -> None:
    async with serving(fleet(yarn_up=False, store_up=False)) as client, client.get("/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_the_api_lists_jobs_in_order() -> None:
    async with (
        serving(fleet(picture("b"), picture("a"), refused())) as client,
        client.get("/api/jobs") as answer,
    ):
        jobs = (await answer.json())["jobs"]
    assert [j["name"] for j in jobs] == ["a", "b", "broken"]
    assert jobs[0]["status"]["applicationId"] == "application_1_0001"


async def test_the_api_lists_page_by_page_and_says_what_is_wrong_with_a_request() -> None:
    async with serving(fleet(picture("a"), picture("b"))) as client:
        async with client.get("/api/jobs", params={"limit": 1}) as answer:
            first = await answer.json()
        async with client.get("/api/jobs", params={"continue": first["continue"]}) as answer:
            assert [j["name"] for j in (await answer.json())["jobs"]] == ["b"]
        async with client.get("/api/jobs", params={"limit": "all"}) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"].startswith("limit: a whole number")


async def test_a_list_is_filtered_by_its_address() -> None:
    async with (
        serving(fleet(picture("a"), picture("b", "Failed"))) as client,
        client.get("/", params={"state": "Failed"}) as answer,
    ):
        page = await answer.text()
    assert 'href="jobs/vision/b/"' in page
    assert 'href="jobs/vision/a/"' not in page


async def test_the_api_shows_one_job_or_404() -> None:
    async with serving(fleet(picture())) as client:
        async with client.get("/api/jobs/vision/mnist") as found:
            assert (await found.json())["owner"] == "alice"
        async with client.get("/api/jobs/vision/other") as missing:
            assert missing.status == 404


async def test_the_environment_of_jobs_is_served_nowhere() -> None:
    shown = picture()
    assert shown.declared.job
    secret = (EnvVar(name="A", value="s3cret"),)
    spec = shown.declared.job.spec.model_copy(update={"env": secret})
    told = shown.declared.job.model_copy(update={"spec": spec})
    shown = replace(shown, declared=replace(shown.declared, job=told))
    async with serving(fleet(shown)) as client:
        for path in ("/api/jobs", "/api/jobs/vision/mnist", "/", "/jobs/vision/mnist/"):
            async with client.get(path) as answer:
                assert "s3cret" not in await answer.text()


async def test_the_list_links_to_each_job_below_itself() -> None:
    async with serving(fleet(picture())) as client, client.get("/") as answer:
        page = await answer.text()
    assert 'href="jobs/vision/mnist/"' in page
    assert ">Running<" in page


async def test_the_job_page_shows_replicas_their_ends_and_their_logs() -> None:
    ended = replica(1, "BackingOff", last_exit=exited(137, "Retryable", "killed by signal 9"))
    workers = role(2, 1, replicas=(replica(0, "Running"), ended))
    async with (
        serving(fleet(picture(roles={"worker": workers}))) as client,
        client.get("/jobs/vision/mnist/") as answer,
    ):
        page = await answer.text()
    assert "killed by signal 9" in page
    assert "exit 137 on node1" in page
    assert 'href="logs/container_1_0001_01_000009/stderr"' in page


async def test_the_job_page_shows_gpus_of_this_moment_and_why_a_node_tells_nothing() -> None:
    shown = training(containers={"c1": "n1", "c2": "n2"}, gpus=2)
    replicas = (replica(0, "Running", container="c1"), replica(1, "Running", container="c2"))
    workers = shown.status.roles["worker"].model_copy(update={"replicas": replicas})
    status = shown.status.model_copy(update={"roles": {"worker": workers}})
    evil = Said("n2", None, GpuTrouble.FAILED, EVIL)
    told = {"n1:8042": said("n1", {0: "c1", 3: "c1"}, 87, 0, 0, 5), "n2:8042": evil}
    gpus = GpuPicture(told, Holders().of(fleet(shown)))

    page = pages.job_page(replace(shown, status=status), NOW, gpus=gpus)

    assert ">GPU 0: 87 %, 1.0 of 16.0 GiB, 30 °C<" in page
    assert ">GPU 3: 5 %, 1.0 of 16.0 GiB, 30 °C<" in page
    assert "GPU 1:" not in page
    assert "Failed: &lt;script&gt;" in page
    assert EVIL not in page


async def test_the_job_page_has_no_absolute_links_to_itself() -> None:
    async with serving(fleet(picture())) as client, client.get("/jobs/vision/mnist/") as answer:
        page = await answer.text()
    assert not re.findall(r'(?:href|src)="/', page)


async def test_an_address_without_its_slash_is_redirected_relatively() -> None:
    async with serving(fleet(picture())) as client:
        async with client.get("/jobs/vision/mnist", allow_redirects=False) as answer:
            assert answer.headers["Location"] == "mnist/"
        async with client.get("/jobs/vision/mnist") as answer:
            assert answer.url.path == "/jobs/vision/mnist/"


async def test_everything_from_outside_is_escaped() -> None:
    problem = FieldProblem(field=EVIL, value=EVIL, reason=EVIL)
    end = exited(1, EVIL, EVIL).model_copy(update={"log_url": "javascript:alert(1)"})
    workers = role(1, 0, replicas=(replica(0, "Failed", node=EVIL, last_exit=end),))
    shown = picture(roles={EVIL: workers}, errors=(problem,), scheduler_message=EVIL)
    async with serving(fleet(shown)) as client, client.get("/jobs/vision/mnist/") as answer:
        page = await answer.text()
    assert EVIL not in page
    assert "javascript:" not in page
    async with (
        serving(fleet()) as client,
        client.get("/jobs/vision/%3Cscript%3Ealert(1)%3C%2Fscript%3E/") as answer,
    ):
        assert answer.status == 404
        assert "<script>alert" not in await answer.text()


async def test_the_policy_allows_our_own_style_and_script_and_nothing_else() -> None:
    async with serving(fleet(picture())) as client, client.get("/jobs/vision/mnist/") as answer:
        page, allowed = await answer.text(), answer.headers["Content-Security-Policy"]
    for kind in ("style", "script"):
        body = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body.group(1).encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in allowed
    assert allowed.startswith("default-src 'none'")
    assert "style=" not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/nowhere", 404),
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/api/jobs", 200),
        ("/api/jobs/vision/other", 404),
        ("/jobs/vision/mnist", 301),
        ("/jobs/vision/mnist/", 200),
        ("/jobs/vision/other/", 404),
    ],
)
async def test_all_answers_carry_all_security_headers(path: str, status: int) -> None:
    async with (
        serving(fleet(picture())) as client,
        serving(fleet(leading=False, leader=address(client))) as standby,
    ):
        for asked in (client, standby):
            async with asked.get(path, allow_redirects=False) as answer:
                assert asked is standby or answer.status == status
                assert_secure(answer)


async def test_an_error_that_nobody_foresaw_carries_them_too(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> FleetPicture:
        raise ZeroDivisionError

    async with serving_(broken) as client, client.get("/readyz") as answer:
        assert answer.status == 500
        assert_secure(answer)
    assert "ZeroDivisionError" in caplog.text


def assert_secure(answer: aiohttp.ClientResponse) -> None:
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "name",
    [
        "https:evil.example",
        "javascript:alert(1)",
        "%2F%2Fevil.example",
        "%5C%5Cevil.example",
        "%2F%5Cevil.example",
    ],
)
async def test_the_redirect_leads_to_this_host_only(name: str) -> None:
    async with serving(fleet(picture())) as client:
        own = URL(f"{address(client)}/jobs/vision/{name}", encoded=True)
        async with client.get(own, allow_redirects=False) as answer:
            assert answer.status == 301
            led_to = urlsplit(urljoin(str(own), answer.headers["Location"]))
    assert (led_to.scheme, led_to.netloc) == (own.scheme, own.raw_authority)
    assert not re.search(r"[:/\\]", answer.headers["Location"][:-1])


async def test_nothing_can_be_changed() -> None:
    async with serving(fleet(picture())) as client, client.pages.delete("/api/jobs/vision/mnist") as answer:
        assert answer.status == 405


async def test_a_taken_port_is_one_sentence() -> None:
    first = WebServer(Settings(web_port=0, metrics_port=0), Shown(), CollectorRegistry())
    await first.start()
    second = WebServer(
        Settings(web_port=int(first.url.rpartition(":")[2]), metrics_port=0), Shown(), CollectorRegistry()
    )
    with pytest.raises(UnavailableError, match="can't listen on"):
        await second.start()
    await second.stop()
    await first.stop()


def test_the_public_address_is_what_the_settings_say() -> None:
    settings = Settings(public_url="https://trainmaster.example/t/")
    assert WebServer(settings, Shown(), CollectorRegistry()).url == "https://trainmaster.example/t"


async def test_who_takes_nothing_of_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """He would have megabytes held for him as long as he likes."""
    monkeypatch.setattr(times, "VIEWER", 0.2)
    monkeypatch.setattr(pages, "list_page", lambda *_: "x" * (32 << 20))
    async with serving(fleet()) as client:
        with socket.create_connection(("127.0.0.1", URL(client.url).port or 0)) as stalled:
            stalled.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await cut_off(stalled)


async def cut_off(stalled: socket.socket) -> None:
    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(0.05)
                stalled.sendall(b"\r\n")
