"""Who is let in and what he sees: each way to tell who looks, and each way to lie about it."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from observe.pictures import NOW, fleet, picture, refused
from trainmaster.settings import Access
from trainmaster.web.access import VOUCHED, VOUCHED_FOR, Asked, DeniedError, Gate
from web.serving import Client, serving

TOKEN = "a-token-of-alice-0123"
PROXY = {"header": "X-Forwarded-User", "proxies": ["10.1.0.0/16", "fd00::/8"]}


def secret(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.fixture
def tokens(tmp_path: Path) -> str:
    return secret(tmp_path / "tokens", f"# people\n{TOKEN},alice\nshort,mallory\nno-user-in-this-line\n")


def gate(loopback: bool = False, **access: Any) -> Gate:
    return Gate(Access.model_validate(access), loopback)


def told(gate_: Gate, remote: str = "10.1.2.3", cookies: dict[str, str] | None = None, **headers: str) -> str:
    """The viewer's name; `denied` for nobody, `anybody` where all is shown to whoever comes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with suppress(DeniedError):
        viewer = gate_.viewer(Asked(remote, named, cookies or {}), NOW)
        return viewer.name or "anybody"
    return "denied"


# --- ways to tell who looks


def test_only_what_this_machine_alone_reaches_is_open_by_itself() -> None:
    assert told(gate(True)) == "anybody"
    assert told(gate(False)) == "denied"


def test_a_way_that_is_named_counts_on_a_loopback_address_too(tokens: str) -> None:
    assert told(gate(True, tokens_file=tokens)) == "denied"


def test_open_to_anyone_it_is_where_that_was_said() -> None:
    assert told(gate(anyone=True)) == "anybody"


@pytest.mark.parametrize(
    ("authorization", "viewer"),
    [
        (f"Bearer {TOKEN}", "alice"),
        (f"bearer  {TOKEN} ", "alice"),
        (f"Bearer {TOKEN}x", "denied"),
        (f"Basic {TOKEN}", "denied"),
        ("Bearer", "denied"),
        ("Bearer ", "denied"),
        ("Bearer short", "denied"),
        ("Bearer no-user-in-this-line", "denied"),
        ("Bearer # people", "denied"),
        ("Bearer é", "denied"),
        ("Bearer \udcff\udcfe-sixteen-letters", "denied"),
    ],
)
def test_a_bearer_token_tells_its_user(tokens: str, authorization: str, viewer: str) -> None:
    assert told(gate(tokens_file=tokens), Authorization=authorization) == viewer


@pytest.mark.parametrize(
    ("remote", "viewer"),
    [
        ("10.1.255.255", "alice"),
        ("::ffff:10.1.0.9", "alice"),
        ("fd00::1", "alice"),
        ("fe80::1%eth0", "denied"),
        ("10.2.0.1", "denied"),
        ("", "denied"),
    ],
)
def test_a_header_counts_from_the_proxies_alone(remote: str, viewer: str) -> None:
    assert told(gate(**PROXY), remote, X_Forwarded_User="alice") == viewer


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 300, "\x1b[31m"])
def test_a_name_that_is_none_is_nobodys(name: str) -> None:
    assert told(gate(**PROXY), X_Forwarded_User=name) == "denied"


def test_yarns_web_proxy_tells_by_its_cookie_and_nobody_else_does() -> None:
    yarn = gate(yarn_proxies=["10.1.2.3"])
    assert told(yarn, cookies={"proxy-user": "alice%40CORP"}) == "alice@CORP"
    assert told(yarn, "10.1.2.4", cookies={"proxy-user": "alice"}) == "denied"
    assert told(gate(**PROXY), cookies={"proxy-user": "alice"}) == "denied"


# --- files of secrets


def test_tokens_are_read_again_when_the_file_changes(tokens: str) -> None:
    opened = gate(tokens_file=tokens)
    assert told(opened, Authorization=f"Bearer {TOKEN}") == "alice"
    Path(tokens).write_text("another-token-012345,bob\n")
    os.utime(tokens, (1, 1))
    assert told(opened, Authorization=f"Bearer {TOKEN}") == "denied"
    assert told(opened, Authorization="Bearer another-token-012345") == "bob"


def test_a_file_that_others_may_read_lets_nobody_in_and_is_told_once_without_its_contents(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened = gate(tokens_file=secret(tmp_path / "open", f"{TOKEN},alice", 0o644))
    with caplog.at_level(logging.ERROR):
        assert {told(opened, Authorization=f"Bearer {TOKEN}") for _ in range(3)} == {"denied"}
    (record,) = caplog.records
    assert record.__dict__["error"] == "others may read or write it: chmod o= is needed"
    assert TOKEN not in caplog.text


def test_a_file_that_is_not_there_yet_counts_once_it_is(tmp_path: Path) -> None:
    opened = gate(tokens_file=str(tmp_path / "later"))
    assert told(opened, Authorization=f"Bearer {TOKEN}") == "denied"
    secret(tmp_path / "later", f"{TOKEN},alice")
    assert told(opened, Authorization=f"Bearer {TOKEN}") == "alice"


# --- controllers among themselves


@pytest.fixture
def peers(tmp_path: Path) -> tuple[Gate, Gate]:
    key = secret(tmp_path / "key", "a key that nobody guesses")
    return gate(peer_key_file=key, **PROXY), gate(peer_key_file=key, **PROXY)


def vouched(one: Gate, at: float = NOW) -> str:
    return one.vouch(one.viewer(Asked("10.1.2.3", {"X-Forwarded-User": "al ice/é"}, {}), at), at)[VOUCHED]


def test_the_word_of_a_controller_counts_for_a_minute(peers: tuple[Gate, Gate]) -> None:
    one, other = peers
    assert told(other, "10.9.9.9", X_Trainmaster_Viewer=vouched(one)) == "al ice/é"
    assert told(other, "10.9.9.9", X_Trainmaster_Viewer=vouched(one, NOW - VOUCHED_FOR - 1)) == "denied"
    assert told(other, "10.9.9.9", X_Trainmaster_Viewer=vouched(one, NOW + 1000)) == "denied"


def test_a_forged_word_counts_for_nothing(peers: tuple[Gate, Gate], tmp_path: Path) -> None:
    one, other = peers
    said = vouched(one)
    stranger = gate(peer_key_file=secret(tmp_path / "other", "some other key of 16"), **PROXY)
    for forged in (said.replace("al", "bo", 1), said[:-1], said + "0", "", "x", "a b c", vouched(stranger)):
        assert told(other, "10.9.9.9", X_Trainmaster_Viewer=forged) == "denied"
    for bytes_ in ("\udcff " + said, said + "\udcff", "\udcff 1 \udcff"):
        assert told(other, "10.9.9.9", X_Trainmaster_Viewer=bytes_) == "denied", "and is no error"
    assert told(gate(**PROXY), "10.9.9.9", X_Trainmaster_Viewer=said) == "denied"


def test_without_a_shared_key_nothing_is_vouched_for() -> None:
    one = gate(**PROXY)
    assert one.vouch(one.viewer(Asked("10.1.2.3", {"X-Forwarded-User": "alice"}, {}), NOW), NOW) == {}


# --- what a viewer sees

JOBS = fleet(
    picture("own", namespace="vision"),
    picture("other", namespace="speech"),
    refused("broken"),
)


@pytest.mark.parametrize(
    ("viewers", "seen"),
    [
        ([{"users": ["*"], "own": True}], {"own", "other"}),
        ([{"users": ["alice"], "namespaces": ["sp*"]}], {"other"}),
        ([{"users": ["al*"], "namespaces": ["vision"]}, {"users": ["bob"], "namespaces": ["*"]}], {"own", "broken"}),
        ([{"users": ["bob"], "namespaces": ["*"]}], set()),
        ([], {"own", "other"}),
    ],
)  # fmt: skip
def test_the_rules_grant_what_a_viewer_sees(viewers: list[dict[str, Any]], seen: set[str]) -> None:
    opened = gate(viewers=viewers, **PROXY)
    viewer = opened.viewer(Asked("10.1.2.3", {"X-Forwarded-User": "alice"}, {}), NOW)
    assert {job.declared.name for job in viewer.seen_of(JOBS).jobs.values()} == seen


# --- over real sockets


def as_user(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def status_of(client: Client, path: str, **headers: str) -> int:
    async with client.get(path, headers=headers, allow_redirects=False) as answer:
        return int(answer.status)


async def test_what_a_viewer_may_not_see_is_not_there_for_him(tmp_path: Path) -> None:
    file = secret(tmp_path / "tokens", f"{TOKEN},alice\na-token-of-carol-012,carol\n")
    async with serving(JOBS, access={"tokens_file": file}) as client:
        for path in ("/api/jobs/vision/own", "/jobs/vision/own/"):
            assert await status_of(client, path, **as_user(TOKEN)) == 200
            assert await status_of(client, path, **as_user("a-token-of-carol-012")) == 404
            assert await status_of(client, path) == 401
        async with client.get("/", headers=as_user("a-token-of-carol-012")) as answer:
            assert "own" not in await answer.text()


async def test_who_is_not_known_is_told_why_and_how_to_come_in(tokens: str) -> None:
    async with serving(JOBS, access={"tokens_file": tokens}) as client:
        async with client.get("/api/jobs") as answer:
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="trainmaster"'
            assert "comes with a bearer token" in (await answer.json())["error"]
        async with client.get("/") as answer:
            assert answer.status == 401
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_what_monitoring_asks_for_is_served_at_its_own_port_and_there_alone(tokens: str) -> None:
    async with serving(JOBS, access={"tokens_file": tokens}) as client:
        for path in ("/metrics", "/healthz", "/readyz"):
            assert await status_of(client, path) == 200
            async with client.pages.get(path, headers=as_user(TOKEN)) as answer:
                assert answer.status == 404
        async with client.monitoring.get("/api/jobs", headers=as_user(TOKEN)) as answer:
            assert answer.status == 404


async def test_a_standby_passes_on_who_looks(tmp_path: Path) -> None:
    key = secret(tmp_path / "key", "a key that nobody guesses")
    access = {"header": "X-Remote-User", "proxies": ["127.0.0.1"], "peer_key_file": key}
    async with (
        serving(JOBS, access={**access, "proxies": ["10.0.0.1"]}) as leader,
        serving(fleet(leading=False, leader=leader.url), access=access) as standby,
    ):
        assert await status_of(standby, "/api/jobs/vision/own", **{"X-Remote-User": "alice"}) == 200
        assert await status_of(standby, "/api/jobs/vision/own", **{"X-Remote-User": "carol"}) == 404
        assert await status_of(leader, "/api/jobs/vision/own", **{"X-Remote-User": "alice"}) == 401


async def test_a_standby_passes_a_bearer_token_on(tokens: str) -> None:
    access = {"tokens_file": tokens}
    async with (
        serving(JOBS, access=access) as leader,
        serving(fleet(leading=False, leader=leader.url), access=access) as standby,
    ):
        assert await status_of(standby, "/api/jobs/vision/own", **as_user(TOKEN)) == 200
        assert await status_of(standby, "/api/jobs/vision/own") == 401
