"""The door over real sockets: who may report, what is refused with which code, and that one job's flood is nobody else's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from reports.posting import JOB, ME, bearer, opened
from trainmaster.reports.book import Job


async def test_a_report_is_taken_and_says_when_the_next_one_is_welcome() -> None:
    async with opened(u=JOB) as (book, client):
        async with client.post(
            ME, json={"step": 3, "total": 9, "metrics": {"loss": 0.5}}, headers=bearer()
        ) as answer:
            assert (answer.status, await answer.json()) == (200, {"after": 1.0})
        [line, _] = book.news(1e12)
        assert json.loads(line)["rows"][0][:6] == ["worker", 0, 1, 1, 3, 9]


async def test_that_a_process_is_ready_is_taken_and_is_no_step() -> None:
    async with opened(u=JOB) as (book, client):
        async with client.post(ME, json={"ready": True}, headers=bearer()) as answer:
            assert (answer.status, await answer.json()) == (200, {"after": 20.0})
        [line, _] = book.news(1e12)
        assert (json.loads(line)["ready"], json.loads(line)["rows"]) == ([["worker", 0, 1, 1]], [])


@pytest.mark.parametrize(
    ("where", "sent", "token", "status", "words"),
    [
        (ME, {"json": {"step": 1}}, None, 401, "Authorization"),
        (ME, {"json": {"step": 1}}, "", 401, "Authorization"),
        (ME, {"json": {"step": 1}}, "forged", 403, "token"),
        (ME, {"json": {"step": 1}}, "of-another", 403, "token"),
        ("/reports/nobody/worker/0/1/1", {"json": {"step": 1}}, "secret", 404, "no such job"),
        ("/reports/u/worker/4/1/1", {"json": {"step": 1}}, "secret", 404, "no replica worker-4"),
        ("/reports/u/worker/x/1/1", {"json": {"step": 1}}, "secret", 404, "whole numbers"),
        (ME, {"data": b"{"}, "secret", 400, "JSON"),
        (ME, {"data": b"\xff\xfe"}, "secret", 400, "JSON"),
        (ME, {"data": b"[" * 10_000}, "secret", 400, "JSON"),
        (ME, {"data": b'{"step": NaN}'}, "secret", 400, "whole number"),
        (ME, {"data": b'{"step": 1e999}'}, "secret", 400, "whole number"),
        (ME, {"json": {"step": 1, "metrics": {"loss": None}}}, "secret", 400, "finite number"),
        (
            ME,
            {"data": b'{"step": 1, "metrics": {"' + b"a" * 20_000 + b'": 1}}'},
            "secret",
            413,
            "16384 bytes",
        ),
    ],
)
async def test_what_is_refused_gets_its_code_and_a_sentence(
    where: str, sent: dict[str, Any], token: str | None, status: int, words: str
) -> None:
    async with opened(u=JOB, v=Job("of-another", {"worker": 1})) as (book, client):
        headers = {} if token is None else bearer(token)
        async with client.post(where, headers=headers, **sent) as answer:
            said = await answer.json()
            assert answer.status == status
            assert words in said["error"]
            assert "secret" not in said["error"]
        assert [json.loads(line)["until"] for line in book.news(1.0)] == [1.0], "nothing was taken"


async def test_who_reports_too_often_is_told_to_wait_and_its_peers_are_heard() -> None:
    async with opened(u=JOB) as (_, client):
        async with client.post(ME, json={"step": 1}, headers=bearer()) as answer:
            assert answer.status == 200
        async with client.post(ME, json={"step": 2}, headers=bearer()) as answer:
            assert answer.status == 429
            assert answer.headers["Retry-After"] == "1"
        async with client.post("/reports/u/worker/1/1/1", json={"step": 2}, headers=bearer()) as answer:
            assert answer.status == 200


async def test_a_flood_is_answered_late_and_others_at_once() -> None:
    async with opened(penalty=3.0, u=JOB, v=Job("other", {"worker": 1})) as (_, client):
        flood = [asyncio.create_task(_status(client, ME, "forged")) for _ in range(50)]
        await asyncio.sleep(0.1)
        assert await _status(client, "/reports/v/worker/0/1/1", "other") == 200
        assert not any(task.done() for task in flood)
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)


async def _status(client: Any, where: str, token: str) -> int:
    async with client.post(where, json={"step": 1}, headers=bearer(token)) as answer:
        return int(answer.status)


async def test_a_standby_hands_on_to_the_leader_what_processes_of_before_send_to_it() -> None:
    async with opened(u=JOB) as (_, leader):
        url = str(leader._base_url).rstrip("/")
        async with opened(leader=url) as (_, standby):
            assert await _status(standby, ME, "secret") == 200
            assert await _status(standby, ME, "forged") == 403
        async with opened(leader="http://127.0.0.1:9") as (_, alone):
            assert await _status(alone, ME, "secret") == 503
        async with opened() as (_, one), opened(leader=str(one._base_url).rstrip("/")) as (_, two):
            assert await _status(two, ME, "secret") == 404, "it is handed on once"


async def test_a_token_of_bytes_that_are_no_text_is_another_token() -> None:
    async with opened(u=JOB) as (_, client):
        url = client._base_url
        assert url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        head = f"POST {ME} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nAuthorization: Bearer ".encode()
        writer.write(head + b"\xff\xfe\r\n\r\n{}")
        assert (await reader.readline()).split()[1] == b"403"
        writer.close()
