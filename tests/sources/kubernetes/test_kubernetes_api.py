"""Talking to the API server: which error each answer becomes, what is waited for, and what no error ever tells."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from sources.kubernetes.told import SECRET, Told, kubeconfig, status, throttled
from trainmaster.errors import (
    UnavailableError,
)
from trainmaster.sources.kubernetes.api import (
    APPLY,
    EVENTS,
    JSON,
    SECRETS,
    TRAININGJOBS,
    Api,
    ConflictError,
    NotFoundError,
)
from trainmaster.sources.kubernetes.connection import Connection


async def test_requests_go_where_the_api_server_serves_the_kind(told: Told, api: Api) -> None:
    body = {"metadata": {"name": "a"}}
    await api.get(SECRETS, "own", "a")
    await api.create(EVENTS, "vision", body)
    await api.replace(SECRETS, "own", "a", body)
    await api.patch(TRAININGJOBS, "vision", "a", {"status": {}}, subresource="status")
    await api.patch(TRAININGJOBS, "vision", "a", [{"op": "test"}], kind=JSON)
    await api.patch(TRAININGJOBS, "vision", "a", {}, kind=APPLY, force=False)
    await api.delete(SECRETS, "own", "a", uid="u", version="7")
    assert told.asked == [
        "GET /api/v1/namespaces/own/secrets/a",
        "POST /apis/events.k8s.io/v1/namespaces/vision/events",
        "PUT /api/v1/namespaces/own/secrets/a",
        "PATCH /apis/trainmaster.io/v1alpha1/namespaces/vision/trainingjobs/a/status?fieldManager=trainmaster",
        "PATCH /apis/trainmaster.io/v1alpha1/namespaces/vision/trainingjobs/a?fieldManager=trainmaster",
        "PATCH /apis/trainmaster.io/v1alpha1/namespaces/vision/trainingjobs/a?fieldManager=trainmaster&force=false",
        "DELETE /api/v1/namespaces/own/secrets/a",
    ]
    assert told.bodies[1] == body
    assert told.bodies[4] == [{"op": "test"}]
    assert told.bodies[6]["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert set(told.credentials) == {f"Bearer {SECRET}"}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a%2Fb"])
async def test_what_no_object_can_be_called_is_not_there_and_is_not_asked_for(
    told: Told, api: Api, name: str
) -> None:
    """The API server takes `%2F` for a slash, and a path without a name for all objects of a kind."""
    for call in (api.get(SECRETS, "own", name), api.patch(SECRETS, "own", name, {})):
        with pytest.raises(NotFoundError):
            await call
    await api.delete(SECRETS, "own", name)
    if name:
        with pytest.raises(NotFoundError):
            await api.create(SECRETS, name, {})
    assert told.asked == []


async def test_a_list_is_complete_or_an_error(told: Told, api: Api) -> None:
    first = {"metadata": {"continue": "more", "resourceVersion": "41"}, "items": [{"a": 1}]}
    last = {"metadata": {"resourceVersion": "41"}, "items": [{"a": 2}]}
    told.to_answer((200, first), (200, last))
    assert await api.list(TRAININGJOBS, labels="a=b") == ([{"a": 1}, {"a": 2}], "41")
    assert told.asked[1].endswith("trainingjobs?labelSelector=a%3Db&limit=500&continue=more")
    told.to_answer((200, first), (503, {}))
    with pytest.raises(UnavailableError):
        await api.list(TRAININGJOBS)


async def test_a_list_whose_continuation_ran_out_is_begun_anew(told: Told, api: Api) -> None:
    first = {"metadata": {"continue": "more", "resourceVersion": "41"}, "items": [{"a": 1}]}
    expired = status(410, "Expired", "The provided continue parameter is too old")
    told.to_answer(
        (200, first), (410, expired), (200, {"metadata": {"resourceVersion": "50"}, "items": None})
    )
    assert await api.list(TRAININGJOBS) == ([], "50")
    told.to_answer((410, expired))
    with pytest.raises(UnavailableError, match="ran out"):
        await api.list(TRAININGJOBS)


async def test_a_throttled_call_waits_as_it_is_told(told: Told, api: Api) -> None:
    told.to_answer(throttled(1), throttled(0), (200, {"kind": "Thing"}))
    assert await api.patch(TRAININGJOBS, "a", "b", {}) == {"kind": "Thing"}
    assert len(told.asked) == 3


async def test_a_call_throttled_beyond_its_deadline_is_given_up(told: Told, api: Api) -> None:
    told.to_answer(throttled(60))
    with pytest.raises(UnavailableError, match="429"):
        await api.get(SECRETS, "own", "a")
    assert len(told.asked) == 1


async def test_a_slow_answer_is_given_up_and_holds_up_no_other_lane(told: Told, api: Api) -> None:
    slow = api.lane(1, timeout=0.2)
    told.pause = 1.0
    with pytest.raises(UnavailableError):
        await slow.get(SECRETS, "own", "a")
    told.pause = 0.0
    hanging = [asyncio.ensure_future(slow.get(SECRETS, "own", "a")) for _ in range(3)]
    assert await api.get(SECRETS, "own", "a")
    await asyncio.gather(*hanging)


@pytest.mark.parametrize("body", ["<html>", "[1]", "3"])
async def test_what_is_no_object_says_nothing(told: Told, api: Api, body: str) -> None:
    told.to_answer(lambda _: web.Response(text=body))
    with pytest.raises(UnavailableError, match="not an object"):
        await api.get(SECRETS, "own", "a")


async def test_a_change_is_sent_once_even_if_its_answer_is_lost(told: Told, api: Api) -> None:
    """The library would send a PUT again by itself, and take its own first try for somebody else's."""

    def cut(request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    told.to_answer(cut)
    with pytest.raises(UnavailableError):
        await api.replace(SECRETS, "own", "a", {})
    assert len(told.asked) == 1


async def test_nobody_there(tmp_path: Path, told: Told) -> None:
    told.port = 1
    api = Api(Connection(kubeconfig(told, tmp_path, token=SECRET)))
    with pytest.raises(UnavailableError, match="could not be asked") as caught:
        await api.get(SECRETS, "own", "a")
    assert SECRET not in str(caught.value)
    await api.close()


async def test_what_is_gone_already_is_deleted(told: Told, api: Api) -> None:
    told.to_answer((404, status(404, "NotFound", "gone")))
    await api.delete(TRAININGJOBS, "vision", "a", uid="u")


async def test_another_object_of_the_same_name_is_left_alone(told: Told, api: Api) -> None:
    conflict = status(409, "Conflict", "Precondition failed: UID in precondition: u, UID in object meta: v")
    told.to_answer((409, conflict), (200, {"metadata": {"uid": "v"}}))
    await api.delete(TRAININGJOBS, "vision", "a", uid="u")
    told.to_answer((409, conflict), (404, status(404, "NotFound", "gone")))
    await api.delete(TRAININGJOBS, "vision", "a", uid="u")
    told.to_answer((409, conflict), (200, {"metadata": {"uid": "u"}}))
    with pytest.raises(ConflictError):
        await api.delete(TRAININGJOBS, "vision", "a", uid="u")


async def test_an_object_that_changed_is_not_deleted(told: Told, api: Api) -> None:
    told.to_answer((409, status(409, "Conflict", "the ResourceVersion in the precondition")))
    with pytest.raises(ConflictError):
        await api.delete(SECRETS, "own", "a", version="3")
