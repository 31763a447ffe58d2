"""Where the API server is, who we are there, and credentials that change."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from sources.kubernetes.told import SECRET, Told, kubeconfig, status
from trainmaster.errors import (
    DeniedError,
    InvalidError,
)
from trainmaster.sources.kubernetes import connection
from trainmaster.sources.kubernetes.api import (
    SECRETS,
    Api,
)
from trainmaster.sources.kubernetes.connection import Connection


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
