"""Runs that are over, on pages and below /api: of jobs that are gone too, for those who may see them, and never for long."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from observe.pictures import NOW, fleet, picture
from trainmaster.settings import ViewRule
from trainmaster.web import past
from trainmaster.web.access import Viewer
from web.kept_runs import Kept, ended, serving_past
from web.serving import serving


async def shown(client: Any, path: str, **more: Any) -> tuple[int, str]:
    async with client.get(path, **more) as answer:
        return answer.status, await answer.text()


async def test_the_history_is_a_page_that_the_fleet_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(ended(), ended("other", 3, state="Succeeded", held=None))
    async with serving_past(monkeypatch, kept) as client:
        _, jobs = await shown(client, "/")
        status, page = await shown(client, "/history/")
    assert 'href="history/"' in jobs
    assert status == 200
    assert 'href="../jobs/vision/gone/runs/0/"' in page
    assert "run 3" in page
    assert "2.00" in page
    assert kept.asked[0][1:] == (past.ROWS, past.MOST_READ)


async def test_its_filters_are_those_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    async with serving_past(monkeypatch, kept) as client:
        await shown(
            client, "/history/?namespace=team-*&user=al&queue=q&state=Failed&days=7&name=" + "x" * 999
        )
        await shown(client, "/history/?state=Odd&days=-3")
    first, second = (asked[0] for asked in kept.asked)
    assert (first.namespace, first.user, first.queue, first.state) == ("team-*", "al", "q", "Failed")
    assert len(first.name) == past.LONGEST
    assert (first.until - first.since).days == 8
    assert first.until > datetime.fromtimestamp(NOW, UTC)
    assert (second.state, (second.until - second.since).days) == ("", past.USUAL_DAYS + 1)


async def test_a_job_that_is_gone_shows_what_was_kept_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving_past(monkeypatch, Kept(ended(run=1), ended())) as client:
        status, page = await shown(client, "/jobs/vision/gone/")
        first, old = await shown(client, "/jobs/vision/gone/runs/0/")
        missing, _ = await shown(client, "/jobs/vision/gone/runs/7/")
        nowhere, _ = await shown(client, "/jobs/vision/never/")
    assert (status, first, missing, nowhere) == (200, 200, 404, 404)
    assert "worker-0 ended: &lt;exit code 1&gt;" in page
    assert "NodeLost 2" in page
    assert "2.00 held of 2.50 asked for" in page
    assert 'href="runs/0/"' in page
    assert 'href="../../runs/1/"' in old


async def test_what_is_over_is_not_asked_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other pages renew themselves every other second; these would read the history each time."""
    async with serving_past(monkeypatch, Kept(ended()), picture()) as client:
        pages = [
            (await shown(client, path))[1]
            for path in ("/", "/jobs/vision/mnist/", "/history/", "/jobs/vision/gone/")
        ]
    assert ["<script>" in page for page in pages] == [True, True, False, False]
    assert ['http-equiv="refresh"' in page for page in pages] == [True, True, False, False]


async def test_a_job_that_is_there_is_shown_itself_and_the_history_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Kept(ended("mnist"))
    async with serving_past(monkeypatch, kept, picture()) as client:
        status, page = await shown(client, "/jobs/vision/mnist/")
    assert (status, kept.asked) == (200, [])
    assert "exit code 1" not in page


@pytest.mark.parametrize("name", ["*", "g?ne", "[g]one"])
async def test_the_page_of_a_job_is_no_pattern(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kept = Kept(ended())
    async with (
        serving_past(monkeypatch, kept) as client,
        client.get(f"/jobs/vision/{name.replace('?', '%3F')}/") as answer,
    ):
        assert answer.status == 404
    assert not kept.asked


async def test_the_api_tells_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving_past(monkeypatch, Kept(ended())) as client, client.get("/api/history") as answer:
        told = await answer.json()
    assert told["more"] is False
    assert told["runs"][0]["held"]["gpuSeconds"] == 7200.0
    assert told["runs"][0]["restartsByCause"] == {"NodeLost": 2}


async def test_viewers_see_their_own_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,alice\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb,bob\n"
    )
    tokens.chmod(0o600)
    kept = Kept(ended(), ended("his", user="bob"))
    async with serving_past(monkeypatch, kept, access={"tokens_file": tokens}) as client:
        found = {}
        for who in ("alice", "bob"):
            _, found[who] = await shown(
                client, "/api/history", headers={"Authorization": f"Bearer {who[0] * 40}"}
            )
        theirs, _ = await shown(client, "/jobs/vision/gone/", headers={"Authorization": f"Bearer {'b' * 40}"})
        nobody, _ = await shown(client, "/history/")
    told = {who: [run["name"] for run in json.loads(text)["runs"]] for who, text in found.items()}
    assert told == {"alice": ["gone"], "bob": ["his"]}
    assert (theirs, nobody) == (404, 401)


@pytest.mark.parametrize(
    ("viewer", "sees"),
    [
        (Viewer("alice", (ViewRule(users=("*",), own=True),)), True),
        (Viewer("bob", (ViewRule(users=("*",), own=True),)), False),
        (Viewer("bob", (ViewRule(users=("*",), namespaces=("vis*",)),)), True),
        (Viewer("bob", (ViewRule(users=("*",), namespaces=("text",)),)), False),
        (Viewer("", (ViewRule(users=("*",), own=True),)), False),
        (Viewer(everything=True), True),
        (Viewer("alice"), False),
    ],
)
def test_who_sees_a_run(viewer: Viewer, sees: bool) -> None:
    assert viewer.sees_run(ended()) is sees
    assert not Viewer("", (ViewRule(users=("*",), own=True),)).sees_run(ended(user=""))


async def test_a_history_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(ended())
    kept.away = True
    async with serving_past(monkeypatch, kept) as client:
        status, page = await shown(client, "/history/")
        code, told = await shown(client, "/api/history")
        job, _ = await shown(client, "/jobs/vision/gone/")
    assert (status, code, job) == (503, 503, 404)
    assert "no NameNode answers" in page
    assert "no NameNode answers" in told


async def test_where_none_is_kept_that_is_told() -> None:
    async with serving(fleet()) as client:
        status, page = await shown(client, "/history/")
        code, _ = await shown(client, "/api/history")
    assert (status, code) == (200, 404)
    assert "no history is kept" in page


async def test_a_store_that_hangs_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither other pages nor metrics, and only so many wait for it."""
    monkeypatch.setattr(past, "PATIENCE", 0.2)
    kept = Kept(ended())
    kept.go.clear()
    async with serving_past(monkeypatch, kept, picture()) as client:
        for _ in range(past.AT_ONCE + past.WAITING):
            _, page = await shown(client, "/history/")
            assert "did not answer" in page
        _, page = await shown(client, "/history/")
        assert "too many ask" in page
        assert len(kept.asked) == past.AT_ONCE
        assert (await shown(client, "/jobs/vision/mnist/"))[0] == 200
        assert (await shown(client, "/metrics"))[0] == 200
        kept.go.set()
