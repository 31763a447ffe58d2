"""The webhooks' HTTPS server over real sockets: TLS, status codes, limits, and certificates that change under it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from sources.kubernetes.reviews import POLICY, REVIEWER, job
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.master import clock
from trainmaster.settings import Kubernetes, Settings, Webhook
from trainmaster.sources.kubernetes.admission.certificates import LIFE
from trainmaster.sources.kubernetes.admission.envelope import Request, Verdict
from trainmaster.sources.kubernetes.admission.issuing import Pair, issue
from trainmaster.sources.kubernetes.admission.keeping import FolderKeeper
from trainmaster.sources.kubernetes.admission.review import Reviewer
from trainmaster.sources.kubernetes.admission.server import LARGEST, ReviewServer
from trainmaster.sources.kubernetes.counts import OUTCOMES, REVIEWS, Counts

LOOPBACK = "127.0.0.1"
SETTINGS = Webhook(port=0, listen=LOOPBACK)


def issued() -> tuple[Pair, bytes]:
    return issue((LOOPBACK,), clock.now(), LIFE)


@asynccontextmanager
async def serving(
    reviewer: Reviewer = REVIEWER, pair: Pair | None = None, counts: Counts | None = None
) -> AsyncIterator[ReviewServer]:
    server = ReviewServer(SETTINGS, reviewer, counts)
    if pair:
        server.present(pair)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def trusting(authorities: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authorities.decode())


async def post(server: ReviewServer, trusted: bytes, path: str, body: bytes) -> tuple[int, bytes]:
    """One call on a connection of its own."""
    url = f"https://{LOOPBACK}:{server.port}{path}"
    connector = aiohttp.TCPConnector(ssl=trusting(trusted), force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector) as client,
        client.post(url, data=io.BytesIO(body)) as answer,
    ):
        return answer.status, await answer.read()


def review(**spec: Any) -> bytes:
    request = {
        "uid": "r-1",
        "operation": "CREATE",
        "namespace": "vision",
        "name": "mnist",
        "object": job(spec),
    }
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


async def test_both_doors() -> None:
    pair, trusted = issued()
    async with serving(pair=pair) as server:
        status, body = await post(server, trusted, "/validate", review(user="hdfs"))
        assert (status, json.loads(body)["response"]["allowed"]) == (200, False)
        status, body = await post(server, trusted, "/mutate", review())
        assert (status, "patch" in json.loads(body)["response"]) == (200, True)


async def test_each_review_is_counted_by_its_answer() -> None:
    pair, trusted = issued()
    registry = CollectorRegistry()
    async with serving(Broken(POLICY), pair, Counts(registry)) as server:
        await post(server, trusted, "/validate", review())
        await post(server, trusted, "/validate", review(env=[{"name": "A", "value": "x"}]))
        await post(server, trusted, "/mutate", review(queue=5))
    counted = {
        (webhook, outcome): registry.get_sample_value(
            "trainmaster_webhook_reviews_total", {"webhook": webhook, "outcome": outcome}
        )
        for webhook in REVIEWS
        for outcome in OUTCOMES
    }
    assert {key: value for key, value in counted.items() if value} == {
        ("validate", "allowed"): 1,
        ("validate", "failed"): 1,
        ("mutate", "refused"): 1,
    }


async def test_what_is_no_review() -> None:
    pair, trusted = issued()
    async with serving(pair=pair) as server:
        assert (await post(server, trusted, "/validate", b"{}"))[0] == 400
        assert (await post(server, trusted, "/elsewhere", review()))[0] == 404
        assert (await post(server, trusted, "/validate", b" " * (LARGEST + 1)))[0] == 413
        assert (await post(server, trusted, "/validate", review().ljust(LARGEST)))[0] == 200
        assert (await post(server, trusted, "/validate", review()))[0] == 200


@dataclass(frozen=True)
class Broken(Reviewer):
    """Has a bug that shows with some jobs."""

    def validate(self, request: Request) -> Verdict:
        assert request.new
        for variable in request.new["spec"].get("env", ()):
            raise KeyError(variable["value"])
        return Verdict()


async def test_a_bug_fails_the_one_request(caplog: pytest.LogCaptureFixture) -> None:
    pair, trusted = issued()
    with caplog.at_level(logging.DEBUG):
        async with serving(Broken(POLICY), pair) as server:
            status, body = await post(
                server, trusted, "/validate", review(env=[{"name": "A", "value": "s3cret"}])
            )
            assert status == 500
            assert b"s3cret" not in body
            assert (await post(server, trusted, "/validate", review()))[0] == 200
    assert "KeyError" in caplog.text
    assert "in validate" in caplog.text, "where it is, is told"
    assert "s3cret" not in caplog.text


async def test_a_review_does_not_hold_up_the_loop() -> None:
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    @dataclass(frozen=True)
    class Slow(Reviewer):
        """Ends only when the loop has turned meanwhile."""

        def validate(self, request: Request) -> Verdict:
            asyncio.run_coroutine_threadsafe(held.wait(), loop).result()
            return Verdict()

    pair, trusted = issued()
    async with serving(Slow(), pair) as server:
        waiting = asyncio.create_task(post(server, trusted, "/validate", review()))
        assert (await post(server, trusted, "/mutate", review()))[0] == 200
        held.set()
        assert (await waiting)[0] == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_todays_tls(version: ssl.TLSVersion) -> None:
    pair, trusted = issued()
    context = trusting(trusted)
    context.minimum_version = context.maximum_version = version
    async with serving(pair=pair) as server:
        _, writer = await asyncio.open_connection(LOOPBACK, server.port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        writer.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused() -> None:
    pair, trusted = issued()
    old = trusting(trusted)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(pair=pair) as server:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(LOOPBACK, server.port, ssl=old)


async def test_nobody_gets_in_without_a_certificate() -> None:
    pair, trusted = issued()
    async with serving() as server:
        with pytest.raises(aiohttp.ClientConnectorError):
            await post(server, trusted, "/validate", review())
        server.present(pair)
        assert (await post(server, trusted, "/validate", review()))[0] == 200


async def test_a_new_certificate_is_shown_without_a_restart_and_old_connections_go_on() -> None:
    (first, trusts_first), (second, trusts_second) = issued(), issued()
    async with serving(pair=first) as server:
        url = f"https://{LOOPBACK}:{server.port}/validate"
        connector = aiohttp.TCPConnector(ssl=trusting(trusts_first))
        async with aiohttp.ClientSession(connector=connector) as client:
            async with client.post(url, data=review()) as answer:
                assert answer.status == 200
            server.present(second)
            async with client.post(url, data=review()) as answer:
                assert answer.status == 200
        assert (await post(server, trusts_second, "/validate", review()))[0] == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await post(server, trusts_first, "/validate", review())


async def test_a_bad_certificate_leaves_the_good_one_in_place() -> None:
    (pair, trusted), (other, _) = issued(), issued()
    async with serving(pair=pair) as server:
        for bad in (Pair(other.certificate, pair.key), Pair(b"text", b"text"), Pair(pair.certificate, b"")):
            with pytest.raises(InvalidError, match="certificate and key"):
                server.present(bad)
            assert (await post(server, trusted, "/validate", review()))[0] == 200


async def test_a_taken_port_is_told() -> None:
    async with serving() as server:
        second = ReviewServer(SETTINGS.model_copy(update={"port": server.port}), REVIEWER)
        with pytest.raises(UnavailableError, match=str(server.port)):
            await second.start()


# --- somebody else's certificate


def put(folder: Path, pair: Pair) -> None:
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)


async def test_a_folder_is_read_anew_at_each_look(tmp_path: Path) -> None:
    (first, _), (second, _) = issued(), issued()
    keeper = FolderKeeper(tmp_path)
    with pytest.raises(UnavailableError, match=r"tls\.crt"):
        await keeper.look()
    for pair in (first, second):
        put(tmp_path, pair)
        assert await keeper.look() == pair


def test_no_key_lies_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root of the controller's container is read-only."""
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))
    tmp_path.chmod(stat.S_IREAD)
    ReviewServer(SETTINGS, REVIEWER).present(issued()[0])
    tmp_path.chmod(stat.S_IRWXU)
    assert list(tmp_path.iterdir()) == []


def test_settings_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINMASTER_KUBERNETES__WEBHOOK__PORT", "9443")
    assert Settings().kubernetes == Kubernetes(webhook=Webhook(port=9443))
