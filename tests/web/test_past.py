"""Runs that are over, on pages and below /api: of jobs that are gone too, for those who may see them, and never for long."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from observe.pictures import NOW, fleet, picture
from trainmaster.api.past_runs import Found
from trainmaster.errors import UnavailableError
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
    assert 'href="../history/20250615T150000Z/vision/gone/uid-gone/0/"' in page
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
    assert 'href="../../../history/20250615T150000Z/vision/gone/uid-gone/0/"' in page
    assert 'href="../../../../../"' in old


async def test_what_is_over_is_not_asked_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other pages renew themselves every other second; these would read the history each time."""
    async with serving_past(monkeypatch, Kept(ended()), picture()) as client:
        pages = [
            (await shown(client, path))[1]
            for path in ("/", "/jobs/vision/mnist/", "/history/", "/jobs/vision/gone/", "/jobs/vision/never/")
        ]
    assert ["<script>" in page for page in pages] == [True, True, False, False, False]
    assert ['http-equiv="refresh"' in page for page in pages] == [True, True, False, False, False]


async def test_a_job_that_is_there_is_shown_itself_and_the_history_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Kept(ended("mnist"), ended("mnist", 7))
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


async def test_each_run_has_a_page_of_its_own_whoever_has_its_name_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job that was deleted and declared anew begins with run 0 again."""
    first = ended("mnist", uid="a", message="THE FIRST", ended_at="2025-06-14T15:00:00Z")
    second = ended("mnist", uid="b", message="THE SECOND")
    async with serving_past(monkeypatch, Kept(second, first), picture()) as client:
        _, history = await shown(client, "/history/")
        links = re.findall(r'href="\.\./(history/[^"]+/0/)"', history)
        pages = [(await shown(client, f"/{link}"))[1] for link in links]
        beside = await shown(client, "/history/20250615T150000Z/vision/mnist/c/0/")
        nonsense = [
            (await shown(client, f"/history/{path}"))[0]
            for path in (
                "20259999T150000Z/vision/mnist/b/0/",
                "20250615T150000Z/vision/*/b/0/",
                "20250615T150000Z/a,b/c/b/0/",
            )
        ]
    assert ["THE FIRST" in page for page in pages] == [False, True]
    assert ["THE SECOND" in page for page in pages] == [True, False]
    assert beside[0] == 404
    assert nonsense == [404] * 3


async def test_a_run_that_only_the_history_has_is_shown_of_a_job_that_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of its status the newest ten are known; those of the same job come before those of one that had its name."""
    other = ended("mnist", 5, uid="of-old", message="ANOTHER'S")
    own = ended("mnist", 5, message="ITS OWN", ended_at="2025-06-14T15:00:00Z")
    async with serving_past(monkeypatch, Kept(other, own), picture(rerun=20)) as client:
        status, page = await shown(client, "/jobs/vision/mnist/runs/5/")
        none, _ = await shown(client, "/jobs/vision/mnist/runs/6/")
    assert (status, none) == (200, 404)
    assert "ITS OWN" in page
    assert "is still declared" in page
    assert 'href="../../../../../history/20250615T150000Z/vision/mnist/of-old/5/"' in page


@pytest.mark.parametrize(("keep_months", "there"), [(0, 200), (13, 200), (1, 404)])
async def test_all_that_is_kept_is_looked_through_for_a_job(
    keep_months: int, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(ended(ended_at="2025-02-01T15:00:00Z"))
    settings = {"history": {"keep_months": keep_months}}
    async with serving_past(monkeypatch, kept, **settings) as client:
        status, _ = await shown(client, "/jobs/vision/gone/")
        await shown(client, "/history/?days=99999")
    assert status == there
    assert kept.asked[0][0].since == kept.asked[1][0].since


async def test_a_history_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(ended())
    kept.away = True
    async with serving_past(monkeypatch, kept) as client:
        status, page = await shown(client, "/history/")
        code, told = await shown(client, "/api/history")
        others = [
            await shown(client, path)
            for path in (
                "/jobs/vision/gone/",
                "/jobs/vision/gone/runs/0/",
                "/history/20250615T150000Z/vision/gone/uid-gone/0/",
            )
        ]
    assert (status, code, [code for code, _ in others]) == (503, 503, [503] * 3)
    assert all("no NameNode answers" in text for text in (page, told, *(other for _, other in others)))


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


async def test_an_answer_that_nobody_waits_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search goes on for long: it would keep a thread from those who ask afterwards."""
    monkeypatch.setattr(past, "PATIENCE", 0.1)
    told = list[bool]()
    ended_ = asyncio.Event()
    loop = asyncio.get_running_loop()

    def search(wanted: Any, limit: int, most: int, sees: Any, stopped: Callable[[], bool]) -> Found:
        while not stopped():
            time.sleep(0.01)
        told.append(True)
        loop.call_soon_threadsafe(ended_.set)
        raise UnavailableError("the search was given up")

    async with serving_past(monkeypatch, search) as client:  # type: ignore[arg-type]
        status, _ = await shown(client, "/history/")
        async with asyncio.timeout(20):
            await ended_.wait()
    assert (status, told) == (503, [True])


def viewers(tmp_path: Path, *rules: dict[str, Any]) -> dict[str, Any]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{'a' * 40},alice\n{'b' * 40},bob\n")
    tokens.chmod(0o600)
    return {"tokens_file": tokens, **({"viewers": rules} if rules else {})}


ALICE, BOB = ({"headers": {"Authorization": f"Bearer {letter * 40}"}} for letter in "ab")


async def test_one_viewer_takes_no_more_than_a_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = Kept(ended(user="bob"))
    kept.go.clear()
    async with serving_past(monkeypatch, kept, access=viewers(tmp_path)) as client:
        asked = [asyncio.create_task(shown(client, f"/jobs/a/b{n}/", **ALICE)) for n in range(past.SHARE + 5)]
        turned_away, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        while len(turned_away) < 5:
            turned_away, _ = await asyncio.wait(asked, timeout=0.1)
        bobs = asyncio.create_task(shown(client, "/history/", **BOB))
        await asyncio.sleep(0.1)
        kept.go.set()
        status, page = await bobs
        await asyncio.gather(*asked)
    assert len(turned_away) == 5
    assert all(task.result()[0] == 503 for task in turned_away)
    assert status == 200
    assert "gone" in page


async def test_for_whoever_may_see_nothing_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = Kept(ended(user="bob"))
    rules = {"users": ["alice"], "namespaces": ["text-*"]}, {"users": ["bob"], "own": True}
    async with serving_past(monkeypatch, kept, access=viewers(tmp_path, *rules)) as client:
        paths = (
            "/jobs/vision/gone/",
            "/history/20250615T150000Z/vision/gone/uid-gone/0/",
            "/history/?namespace=vision",
        )
        hers = [(await shown(client, path, **ALICE))[0] for path in paths]
        asked = len(kept.asked)
        his = [(await shown(client, path, **BOB))[0] for path in paths]
        await shown(client, "/history/?namespace=text-a", **ALICE)
    assert (hers, asked) == ([404, 404, 200], 0)
    assert (his, len(kept.asked)) == ([200, 200, 200], 4)


@pytest.mark.parametrize("name", ["a" * 64, "Upper", "a%2Cb", "%20", "..a"])
async def test_what_no_job_is_called_is_not_looked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(ended())
    async with serving_past(monkeypatch, kept) as client:
        status, _ = await shown(client, URL(f"/jobs/vision/{name}/", encoded=True))
    assert (status, kept.asked) == (404, [])
