"""How long YARN waits: the files' word, the running daemon's, or the default of its release; and nothing made up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hadoop.serving import Answer, web
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.configuration import APPLICATION_EXPIRY, NODE_EXPIRY, parse
from trainmaster.hadoop.expiry import Expiry, assumed, find
from trainmaster.hadoop.http import Http

WEB = "yarn.resourcemanager.webapp.address"


def resourcemanager(release: str = "3.4.2", **configured: str) -> Callable[[str], Answer]:
    """`/ws/v1/cluster/info` and `/conf`, as a real one answers."""
    settings = {"am": APPLICATION_EXPIRY, "nm": NODE_EXPIRY}
    values = {settings[name]: value for name, value in configured.items()}

    def answer(path: str) -> Answer:
        if path.startswith("/ws/v1/cluster/info"):
            return 200, json.dumps({"clusterInfo": {"hadoopVersion": release, "haState": "ACTIVE"}})
        for name, value in values.items():
            if path.startswith(f"/conf?name={name}&format=json"):
                said = {"key": name, "value": value, "isFinal": False, "resource": "yarn-site.xml"}
                return 200, json.dumps({"property": said})
        return 404, ""

    return answer


async def found(answer: Callable[[str], Answer], **said: str) -> Expiry:
    settings = {"am": APPLICATION_EXPIRY, "nm": NODE_EXPIRY}
    with web(answer) as address:
        http = Http("alice")
        try:
            return await find(parse({settings[k]: v for k, v in said.items()} | {WEB: address}), http)
        finally:
            await http.close()


async def test_what_the_files_say_is_asked_of_nobody() -> None:
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return 500, ""

    assert await found(answer, am="120s", nm="60000") == Expiry(120.0, 60.0)
    assert asked == []


async def test_what_they_leave_open_the_running_daemon_says() -> None:
    assert await found(resourcemanager(am="900000", nm="5m")) == Expiry(900.0, 300.0)
    assert await found(resourcemanager(am="900000", nm="5m"), am="1000") == Expiry(1.0, 300.0)


@pytest.mark.parametrize(
    ("release", "seconds"),
    [
        ("3.4.2", 900.0),
        ("3.5.0-SNAPSHOT", 900.0),
        ("3.3.6", 600.0),
        ("3.1.1.7.1.9.0-387", 600.0),
        ("?", 600.0),
    ],
)
async def test_what_that_does_not_say_is_its_releases_default_and_known_as_such(
    release: str, seconds: float
) -> None:
    assert await found(resourcemanager(release)) == Expiry(seconds, 600.0, (APPLICATION_EXPIRY, NODE_EXPIRY))
    assert await found(resourcemanager(release, nm="1000")) == Expiry(seconds, 1.0, (APPLICATION_EXPIRY,))


@pytest.mark.parametrize("status", [401, 403])
async def test_who_may_not_ask_gets_defaults(status: int) -> None:
    assert await found(lambda _: (status, "")) == Expiry(600.0, 600.0, (APPLICATION_EXPIRY, NODE_EXPIRY))


@pytest.mark.parametrize("body", ["[]", "{}", '{"property": null}', '{"property": {"value": "soon"}}'])
async def test_an_answer_in_another_form_says_nothing(body: str) -> None:
    assert await found(lambda _: (200, body)) == Expiry(600.0, 600.0, (APPLICATION_EXPIRY, NODE_EXPIRY))


async def test_the_next_one_is_asked_when_the_first_is_away() -> None:
    with web(resourcemanager(am="1000", nm="2000")) as address:
        ha = {"yarn.resourcemanager.ha.enabled": "true", "yarn.resourcemanager.ha.rm-ids": "a,b"}
        ha |= {f"yarn.resourcemanager.hostname.{each}": "127.0.0.1" for each in "ab"}
        http = Http("alice")
        assert await find(parse({**ha, f"{WEB}.a": "127.0.0.1:9", f"{WEB}.b": address}), http) == Expiry(
            1.0, 2.0
        )
        with pytest.raises(UnavailableError, match=r"refused.*; .*refused"):
            await find(parse({**ha, f"{WEB}.a": "127.0.0.1:9", f"{WEB}.b": "127.0.0.1:9"}), http)
        await http.close()


def test_before_anybody_was_asked_the_shorter_default_holds() -> None:
    assert assumed(parse({})) == Expiry(600.0, 600.0, (APPLICATION_EXPIRY, NODE_EXPIRY))
    assert assumed(parse({NODE_EXPIRY: "1000"})) == Expiry(600.0, 1.0, (APPLICATION_EXPIRY,))
