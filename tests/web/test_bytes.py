"""Requests that hold bytes which are no text: each is answered as what it is, and none as an error of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from observe.pictures import fleet, picture
from web.serving import Client, serving
from web.test_logs import Node, told

BYTES = (b"\xff", b"\xed\xa0\x80", b"\xc3\xa9", b"\xe9", b"%FF", b"%ED%A0%80", b"%00", b"+%2B", b"\x80\x81")
PATHS = (
    b"/?text=%s",
    b"/?state=%s&sort=%s",
    b"/api/jobs?continue=%s",
    b"/api/jobs?limit=%s",
    b"/api/jobs?%s=a",
    b"/api/jobs/%s/mnist",
    b"/jobs/vision/%s",
    b"/jobs/vision/%s/",
    b"/jobs/vision/mnist/runs/%s/",
    b"/jobs/vision/mnist/logs/%s/stderr",
    b"/jobs/vision/mnist/logs/c3/stderr?find=%s",
    b"/jobs/vision/mnist/logs/c3/stderr?size=%s",
    b"/%s",
)
HEADERS = (
    b"Authorization",
    b"X-Forwarded-User",
    b"X-Trainmaster-Viewer",
    b"Cookie",
    b"Accept",
    b"Via",
    b"Host",
    b"X-%s",
)


async def status_of(client: Client, path: bytes, *headers: bytes, port: str = "") -> int:
    """Sent byte by byte: no client of HTTP would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(port or client.url).port)
    head = b"\r\n".join([b"GET %s HTTP/1.1" % path, b"Connection: close", *headers])
    writer.write(head + b"\r\n\r\n")
    try:
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


@pytest.fixture(params=["leader", "standby", "guarded", "guarded standby"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    for name in ("tokens", "key"):
        (tmp_path / name).write_text("a-token-of-alice-0123,alice\n")
        (tmp_path / name).chmod(0o600)
    access = {
        "tokens_file": str(tmp_path / "tokens"),
        "peer_key_file": str(tmp_path / "key"),
        "header": "X-Forwarded-User",
        "proxies": ["127.0.0.1"],
        "yarn_proxies": ["127.0.0.1"],
    }
    settings = {"access": access} if "guarded" in request.param else {}
    async with serving(fleet(told(), picture("mnist2")), logs=Node(b"a\n"), **settings) as leader:
        if "standby" not in request.param:
            yield leader
            return
        async with serving(fleet(leading=False, leader=leader.url), **settings) as standby:
            yield standby


@pytest.mark.parametrize("path", PATHS)
async def test_no_address_is_an_error_of_ours(client: Client, path: bytes) -> None:
    host = b"Host: localhost"
    user = b"X-Forwarded-User: alice"
    for piece in BYTES:
        status = await status_of(client, path.replace(b"%s", piece), host, user)
        assert status in (200, 301, 400, 404), piece


@pytest.mark.parametrize("header", HEADERS)
async def test_no_header_is_an_error_of_ours(client: Client, header: bytes) -> None:
    for piece in BYTES:
        whole = header.replace(b"%s", piece)
        for said in (
            piece,
            b"Bearer a-token-of-alice-0123" + piece,
            b"a %s b" % piece,
            b"proxy-user=a%s" % piece,
        ):
            lines = [whole + b": " + said, *([] if header == b"Host" else [b"Host: localhost"])]
            for path in (b"/api/jobs", b"/jobs/vision/mnist/"):
                assert await status_of(client, path, *lines) in (200, 400, 401, 403, 404), (piece, said)


@pytest.mark.parametrize("header", [b"Accept", b"Accept-Encoding", b"Host"])
async def test_nor_at_the_port_of_monitoring(header: bytes) -> None:
    async with serving(fleet(picture())) as client:
        port = str(client.monitoring._base_url)
        for piece in BYTES:
            for path in (b"/metrics", b"/metrics?name[]=" + piece, b"/readyz", b"/sd"):
                assert await status_of(client, path, header + b": " + piece, port=port) in (200, 400, 403)
