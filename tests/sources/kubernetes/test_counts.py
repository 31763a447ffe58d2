"""What goes wrong beside the jobs is counted, and what stays wrong is told."""

from __future__ import annotations

import asyncio
import getpass
import logging
import pwd
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from sources.kubernetes.told import Told, kubeconfig, status
from trainmaster.errors import InvalidError, RefusedError, UnavailableError
from trainmaster.settings import Settings
from trainmaster.sources.kubernetes import following
from trainmaster.sources.kubernetes.api import TRAININGJOBS, Api
from trainmaster.sources.kubernetes.book import Book
from trainmaster.sources.kubernetes.connection import Connection
from trainmaster.sources.kubernetes.counts import Counts
from trainmaster.sources.kubernetes.following import Follower

CALLS = "trainmaster_kubernetes_calls_total"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counts(registry: CollectorRegistry) -> Counts:
    return Counts(registry)


@pytest.fixture
async def api(told: Told, tmp_path: Path, counts: Counts) -> AsyncIterator[Api]:
    made = Api(Connection(kubeconfig(told, tmp_path, token="t")), timeout=1, counts=counts)
    yield made
    await made.close()


async def test_calls_are_counted_by_the_answer_on_every_lane(
    told: Told, api: Api, registry: CollectorRegistry
) -> None:
    told.to_answer((404, status(404, "NotFound", "no")), (500, {}), (200, {}))
    lane = api.lane(1, 1)
    with pytest.raises(RefusedError):
        await lane.get(TRAININGJOBS, "vision", "a")
    with pytest.raises(UnavailableError):
        await lane.get(TRAININGJOBS, "vision", "a")
    await api.get(TRAININGJOBS, "vision", "a")
    told.pause = 3.0
    with pytest.raises(UnavailableError):
        await api.get(TRAININGJOBS, "vision", "a")
    codes = {code: registry.get_sample_value(CALLS, _labels(code)) for code in ("404", "500", "200", "none")}
    assert codes == {"404": 1, "500": 1, "200": 1, "none": 1}


def _labels(code: str) -> dict[str, str]:
    return {"verb": "get", "resource": "trainingjobs", "code": code}


async def test_a_watch_that_ends_again_and_again_is_told_and_counted(
    told: Told,
    api: Api,
    counts: Counts,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that ends once is none: an API server that restarts ends every watch."""
    caplog.set_level(logging.ERROR)
    told.to_answer((200, {"metadata": {"resourceVersion": "1"}, "items": []}))
    ends = asyncio.Queue[str]()

    async def listen(*_: object) -> None:
        raise UnavailableError(await ends.get())

    monkeypatch.setattr(following, "listen", listen)
    monkeypatch.setattr(following, "_PAUSES", (0.0, 0.0, 0.0))
    follower = Follower(api, (), Book("kubernetes", str), lambda: None, counts)
    run = asyncio.create_task(follower.run())
    try:
        for number, trouble in ((1, False), (2, True)):
            await ends.put("KeyError: uid not found")
            async with asyncio.timeout(10):
                while registry.get_sample_value("trainmaster_kubernetes_watch_restarts_total") != number:
                    await asyncio.sleep(0.01)
            assert ("KeyError: uid not found, 2 times in a row" in follower.trouble) is trouble
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_what_is_declared_counts_as_seen_late_while_one_of_several_namespaces_can_not_be_listed(
    told: Told, api: Api, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest counts, from its first failure on, however often it is tried; and the others are seen all the same."""
    refused = {"a": True, "b": True}

    def answer(request: web.Request) -> web.Response:
        namespace = request.path.split("/namespaces/")[1].partition("/")[0]
        if refused.get(namespace):
            return web.json_response(status(403, "Forbidden", "no"), status=403)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})

    now = 100.0
    monkeypatch.setattr(following.time, "monotonic", lambda: now)
    told.to_answer(answer)
    follower = Follower(api, ("a", "b", "c"), Book("kubernetes", str), lambda: None, counts)
    assert follower.late == 0
    await follower._list_all(("a", "c"))
    now = 130.0
    await follower._list_all(("a", "b", "c"))
    assert follower.late == 30
    follower.check()
    refused["a"] = False
    now = 150.0
    await follower._list_all(("a", "b"))
    assert follower.late == 20
    refused["b"] = False
    await follower._list_all(("a", "b"))
    assert follower.late == 0


def test_a_uid_without_a_name_is_answered_with_the_setting_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(uid: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(KeyError):
        getpass.getuser()
    with pytest.raises(InvalidError, match="TRAINMASTER_USER"):
        _ = Settings(user="").own_user
    assert Settings(user="trainmaster").own_user == "trainmaster"
