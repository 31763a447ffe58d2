"""Talking to the API server: which error each answer becomes, what is waited for, and what no error ever tells."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from trainmaster.errors import (
    DeniedError,
    InvalidError,
    RefusedError,
    TrainmasterError,
    UnavailableError,
)
from trainmaster.sources.kubernetes import connection
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
from trainmaster.sources.kubernetes.errors import Call, refusal

SECRET = "c2VjcmV0LW9mLXRoZS1ib2R5"


def status(code: int, reason: str, message: str, **details: object) -> dict[str, Any]:
    """metav1.Status, as the API server answers where it has no object."""
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


# --- each answer is an error of one family


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        (400, "BadRequest", RefusedError),
        (401, "Unauthorized", DeniedError),
        (403, "Forbidden", DeniedError),
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", ConflictError),
        (409, "Conflict", ConflictError),
        (410, "Expired", RefusedError),
        (413, "RequestEntityTooLarge", RefusedError),
        (422, "Invalid", RefusedError),
        (429, "TooManyRequests", UnavailableError),
        (500, "InternalError", UnavailableError),
        (503, "ServiceUnavailable", UnavailableError),
        (504, "Timeout", UnavailableError),
        (302, "Moved", UnavailableError),
    ],
)
def test_families(code: int, reason: str, family: type[TrainmasterError]) -> None:
    call = Call("get", TRAININGJOBS, "vision", "mnist")
    error = refusal(call, code, json.dumps(status(code, reason, "because")).encode(), "somebody")
    assert type(error) is family
    if isinstance(error, RefusedError):
        assert error.kind == reason


def test_a_missing_right_is_told_as_a_rule_would_grant_it() -> None:
    message = (
        'trainingjobs.trainmaster.io "mnist" is forbidden: User "system:serviceaccount:own:tm" cannot patch '
        'resource "trainingjobs/status" in API group "trainmaster.io" in the namespace "vision"'
    )
    call = Call("patch", TRAININGJOBS, "vision", "mnist", "status")
    error = refusal(
        call, 403, json.dumps(status(403, "Forbidden", message)).encode(), "the pod's ServiceAccount"
    )
    assert str(error) == (
        "Forbidden: system:serviceaccount:own:tm (the pod's ServiceAccount) lacks the right to patch "
        "trainingjobs/status of trainmaster.io named mnist in namespace vision"
    )


def test_a_quota_is_not_told_as_a_missing_right() -> None:
    message = 'secrets "a" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=5'
    error = refusal(
        Call("create", SECRETS, "own"), 403, json.dumps(status(403, "Forbidden", message)).encode(), "me"
    )
    assert "exceeded quota" in str(error)
    assert "right" not in str(error)


def test_of_a_refused_secret_only_the_fields_are_told() -> None:
    message = f'Secret "a" is invalid: data[{SECRET}]: Invalid value: "{SECRET}"'
    body = status(422, "Invalid", message, causes=[{"field": "metadata.name", "message": SECRET}])
    error = refusal(Call("update", SECRETS, "own", "a"), 422, json.dumps(body).encode(), "me")
    assert str(error) == "Invalid: update secrets a in namespace own: Invalid metadata.name"


def test_a_kind_that_is_not_served_is_told_as_such() -> None:
    error = refusal(Call("list", TRAININGJOBS), 404, b"404 page not found\n", "me")
    assert (
        str(error) == "404: list trainingjobs of trainmaster.io: the API server serves no such kind of object"
    )


# --- a server that answers as it is told


class Told:
    """What the server answers, one after the other, the last for ever; and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[web.Request], web.Response]] = [
            lambda _: web.json_response({"kind": "Thing"})
        ]
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.credentials: list[str] = []
        self.pause = 0.0

    def to_answer(self, *answers: tuple[int, Any] | Callable[[web.Request], web.Response]) -> None:
        self.answers = [each if callable(each) else _fixed(*each) for each in answers]

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        self.asked.append(f"{request.method} {request.path_qs}")
        self.credentials.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.pause)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


def _fixed(code: int, body: Any, **headers: str) -> Callable[[web.Request], web.Response]:
    return lambda _: web.json_response(body, status=code, headers=headers)


def throttled(seconds: int) -> Callable[[web.Request], web.Response]:
    return _fixed(429, status(429, "TooManyRequests", "slow down"), **{"Retry-After": str(seconds)})


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    made = Told()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


def kubeconfig(told: Told, folder: Path, **user: object) -> str:
    content = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "mine"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{told.port}"}}],
        "users": [{"name": "u", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.fixture
async def api(told: Told, tmp_path: Path) -> AsyncIterator[Api]:
    made = Api(Connection(kubeconfig(told, tmp_path, token=SECRET)), timeout=5)
    yield made
    await made.close()


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


# --- deletions


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


# --- credentials


async def test_the_namespace_is_the_contexts_or_as_told(told: Told, tmp_path: Path) -> None:
    path = kubeconfig(told, tmp_path, token="t")
    api, other = Api(Connection(path)), Api(Connection(path), "other")
    assert (api.namespace, other.namespace) == ("mine", "other")
    assert api.lane(1).namespace == "mine"
    for each in (api, other):
        await each.close()


async def test_kubeconfig_is_read_when_a_connection_is_made(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(told, tmp_path, token="t"))
    assert Connection().namespace == "mine"


@pytest.mark.parametrize("content", [None, "", "a: b", "[]"])
def test_no_cluster_is_told_in_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InvalidError, match="no way to the API server"):
        Connection(str(path))


def unknown_unless(token: str) -> Callable[[web.Request], web.Response]:
    def answer(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == f"Bearer {token}":
            return web.json_response({"kind": "Thing"})
        return web.json_response(status(401, "Unauthorized", "Unauthorized"), status=401)

    return answer


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_RELOAD_PAUSE", 0.0)


@pytest.mark.usefixtures("impatient")
async def test_a_token_file_that_was_replaced_is_read_again(told: Told, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    api = Api(Connection(kubeconfig(told, tmp_path, tokenFile="token")))
    told.to_answer(unknown_unless("first"))
    await api.get(SECRETS, "own", "a")
    told.to_answer(unknown_unless("second"))
    (tmp_path / "token").write_text("second")
    await api.get(SECRETS, "own", "a")
    assert told.credentials == ["Bearer first", "Bearer first", "Bearer second"]
    await api.close()


@pytest.mark.usefixtures("impatient")
async def test_credentials_that_stay_wrong_are_told_without_their_secret(told: Told, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRET)
    api = Api(Connection(kubeconfig(told, tmp_path, tokenFile="token")))
    told.to_answer(unknown_unless("another"))
    with pytest.raises(DeniedError, match=r"context test of .*kubeconfig are not valid") as caught:
        await api.get(SECRETS, "own", "a")
    assert SECRET not in str(caught.value)
    (tmp_path / "token").unlink()
    with pytest.raises(DeniedError):
        await api.get(SECRETS, "own", "a")
    await api.close()


async def test_the_library_is_not_asked_for_credentials_with_every_refusal(
    told: Told, tmp_path: Path
) -> None:
    api = Api(Connection(kubeconfig(told, tmp_path, token="t")))
    told.to_answer(unknown_unless("another"))
    with pytest.raises(DeniedError):
        await api.get(SECRETS, "own", "a")
    assert len(told.asked) == 1
    await api.close()


@pytest.mark.usefixtures("impatient")
async def test_a_plugin_is_asked_again_when_its_token_is_refused(told: Told, tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    script = tmp_path / "plugin.py"
    script.write_text(
        "import json, pathlib\n"
        f"count = pathlib.Path({str(tmp_path / 'count')!r})\n"
        "number = int(count.read_text()) + 1\n"
        "count.write_text(str(number))\n"
        "version = 'client.authentication.k8s.io/v1'\n"
        "print(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': {'token': f'token-{number}'}}))\n"
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(script)],
        "interactiveMode": "Never",
    }
    api = Api(Connection(kubeconfig(told, tmp_path, exec=plugin)))
    told.to_answer(unknown_unless("token-1"))
    await api.get(SECRETS, "own", "a")
    await api.get(SECRETS, "own", "a")
    told.to_answer(unknown_unless("token-2"))
    await api.get(SECRETS, "own", "a")
    assert told.credentials[-1] == "Bearer token-2"
    assert len(told.asked) == 4
    await api.close()


def test_no_value_shows_what_it_carries() -> None:
    request = connection.Request("PUT", "/api", {}, {"data": SECRET})
    answer = connection.Answer(200, {}, base64.b64decode(SECRET))
    assert SECRET not in f"{request!r}{answer!r}"
    assert "secret" not in f"{answer!r}"
