"""By which names a server on a loopback address is reached: a web page from elsewhere mustn't read it by a name of its own."""

from __future__ import annotations

from typing import Any

import pytest

from observe.pictures import fleet, picture
from trainmaster.web.hosts import answers_to, is_loopback, named
from web.serving import serving

NAMES = named(
    ["https://Train.example.com:8443/t", "http://10.0.0.7:9090", "plain.example:9090", "http://[no", ""]
)


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("localhost", True),
        ("LOCALHOST:9090", True),
        ("localhost.:9090", True),
        ("127.0.0.1:9090", True),
        ("127.1.2.3", True),
        ("[::1]:9090", True),
        ("", True),
        ("train.example.com", True),
        ("10.0.0.7:9090", True),
        ("plain.example", True),
        ("evil.example", False),
        ("evil.example:9090", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example#localhost", False),
        ("localhost@evil.example", False),
        ("[::1].evil.example", False),
        ("[fe80::1]", False),
        ("127.0.0.1:9090:evil.example", False),
        ("0.0.0.0:9090", False),
        ("\udcff", False),
    ],
)
def test_it_answers_to_this_machine_and_to_the_names_it_was_given(host: str, answered: bool) -> None:
    assert answers_to(host, NAMES) is answered


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("edge1", False)],
)  # fmt: skip
def test_only_what_this_machine_alone_reaches_is_loopback(listen: str, loopback: bool) -> None:
    assert is_loopback(listen) is loopback


ASKED = ("/", "/api/jobs", "/api/jobs/vision/mnist", "/api/reports", "/metrics", "/sd", "/readyz", "/healthz")


@pytest.mark.parametrize("path", ASKED)
async def test_a_foreign_name_is_refused_at_both_ports_with_what_to_do(path: str) -> None:
    async with serving(fleet(picture())) as client:
        async with client.get(path, headers={"Host": "evil.example:9090"}) as answer:
            assert answer.status == 403
            words = await answer.text()
            assert "doesn't answer to the name evil.example:9090: ask for localhost" in words
            assert "public_url" in words
        async with client.get(path, headers={"Host": "localhost:9090"}) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"public_url": "https://train.example.com/t"},
        {"advertise": "http://train.example.com:9090"},
        {"listen": "0.0.0.0"},
    ],
)
async def test_its_own_names_are_known_and_elsewhere_all_are(settings: dict[str, Any]) -> None:
    access = {"anyone": True}
    async with (
        serving(fleet(picture()), access=access, **settings) as client,
        client.get("/", headers={"Host": "train.example.com"}) as answer,
    ):
        assert answer.status == 200
