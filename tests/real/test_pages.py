"""Every page in a real browser: in both themes, on a wide and a narrow screen, by keyboard, while it renews itself, and without
scripts. What it looked like is kept under .cache/pages.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from playwright.async_api import Browser, Page, Route, expect

from observe.pictures import NOW, fleet, picture, refused
from observe.use_pictures import uses
from plan.build import THROUGH_NEW, World, job
from real.chromium import browser, kept, page
from trainmaster.api.history import EndedRun
from trainmaster.hadoop.container_use import HOW, UseTrouble
from trainmaster.hadoop.logs import LogTail
from trainmaster.master.gpus import ClusterGpus, GpuCount
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.use.curves import Curves, Sample, UsePicture, later
from trainmaster.observe.use.values import Said
from trainmaster.settings import Link
from web.kept_runs import Kept, kept_by
from web.kept_runs import ended as ended_run
from web.serving import Client, serving, serving_

ELSEWHERE = (
    Link(name="MLflow", url="https://mlflow.example/#/search?job={job}"),
    Link(name="Logs", url="https://logs.example/?q={application}"),
    Link(name="Trace", url="https://jaeger.example/trace/{trace}"),
)
OWN = [
    {"name": "TensorBoard", "url": "http://worker-0/"},
    {"name": "Report", "url": "https://wandb.example/bert"},
]
STATES = ("Running", "Queued", "Failed", "Succeeded", "Suspended", "Restarting")
ALONE = {"worker": {"restartScope": "Replica"}}
PAGES = {
    "list": "/",
    "filtered": "/?state=Running&sort=-gpus&queue=gpu",
    "nothing": "/?text=nosuch",
    "job": "/jobs/vision/bert-large/",
    "ended": "/jobs/vision/resnet/",
    "run": "/jobs/vision/bert-large/runs/0/",
    "log": "/jobs/vision/bert-large/logs/c1/stderr?find=error",
    "history": "/history/?days=400",
    "gone": "/jobs/vision/gone/runs/0/",
    "one": "/history/20250615T150000Z/vision/resnet-of-old/uid-resnet-of-old/3/",
    "missing": "/jobs/vision/nosuch/",
}
SIDEWAYS = "document.documentElement.scrollWidth - innerWidth"
SQUEEZED = "[...document.querySelectorAll('main .wide')].filter(e => e.clientWidth < e.parentElement.clientWidth - 1).length"
"""tables that have less than the page's width, as beside something that floats"""
AT_END = "innerHeight + scrollY > document.body.scrollHeight - 60"


@dataclass
class Node:
    """A log that grows."""

    lines: list[str] = field(default_factory=lambda: [f"step {n} loss {2 / (n + 1):.4f}" for n in range(120)])

    async def tail(self, http: str, container: str, file: str, size: int) -> LogTail:
        content = "\n".join([*self.lines, "RuntimeError: CUDA error: out of memory", ""]).encode()
        return LogTail(content[-size:], len(content))


def trained() -> Picture:
    """A job of which there is something to see: it failed, was run again, has lost processes since, and runs."""
    told = World(
        job("PyTorch", {"backoffLimit": 0}, roles=ALONE, worker=3), now=NOW - 4000, limits=THROUGH_NEW
    )
    told.later(40)
    told.runs("gpu01").later(600)
    told.ends("worker-0", 1, "ModuleNotFoundError: No module named 'x'").obeys().closes()
    again = {"rerun": 1, "backoffLimit": 9, "backoff": {"base": 0}}
    told.later(600).declares(job("PyTorch", again, roles=ALONE, spec={"links": OWN}, worker=3))
    told.later(60)
    told.runs("gpu02").later(500)
    told.ends("worker-1", 137, "signal 9 ended it " * 9).later(30)
    told.runs("gpu03").later(300)
    told.ends("worker-2", -100, "Container released on a *lost* node").later(30)
    told.runs("gpu01")
    told.now = NOW
    told.decides()
    return shown(told, "bert-large", gpus=8)


def ended() -> Picture:
    """One that is over, a day after it began."""
    told = World(job("PyTorch", {"backoff": {"base": 0}}, roles=ALONE, worker=2), now=NOW - 90_000)
    told.later(1000)
    told.runs("gpu01").later(40_000)
    told.ends("worker-1", 137).runs("gpu02").later(40_000)
    told.ends("worker-0", 0)
    told.ends("worker-1", 0).closes()
    return shown(told, "resnet")


def shown(told: World, name: str, **status: object) -> Picture:
    declared = replace(told.declared, namespace="vision", name=name, uid=f"uid-{name}")
    return Picture(declared, told.memory, told.status.model_copy(update=status), told.now, told.now)


def many() -> FleetPicture:
    jobs = [
        picture(
            f"{name}-{n}", STATES[n % 6], namespace="a-rather-long-namespace-name", queue="gpu", gpus=n % 9
        )
        for n, name in enumerate(["resnet50", "ctr-model-of-the-advertisement-team"] * 70)
    ]
    gpus = ClusterGpus({"": GpuCount(13, 3, 0), "a100": GpuCount(61, 35, 4)}, {})
    return fleet(trained(), ended(), refused(), *jobs, gpus=gpus)


def used() -> UsePicture:
    """What bert-large uses now, where a node doesn't measure, and in the last hour, in which nobody told for a while."""
    memory = trained().memory
    assert memory
    bound = [r for r in memory.replicas if r.bound]
    said = {r.http: Said(r.node, {r.container: uses(740, 0.9, peak=910)}) for r in bound[1:]}
    said[bound[0].http] = Said("gpu01", trouble=UseTrouble.OFF, words=HOW)
    curves: Curves = {}
    for minute in range(int(NOW // 60) - 59, int(NOW // 60) + 1):
        ago = NOW / 60 - minute
        told = Sample(
            minute, 740 - 8 * ago, 790 - 4 * ago, 0.8 + ago % 7 / 20, 1.0 + ago % 5 / 9, 0.9 - ago % 4 / 9
        )
        curves = later(curves, {} if 20 < ago < 31 else {"uid-bert-large": {"worker": told}}, minute)
    return UsePicture(said, curves)


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        kept_by(patch, Kept(ended_run(), ended_run("resnet-of-old", 3, state="Succeeded", held=None)))
        async with serving(many(), logs=Node(), uses=used, links=ELSEWHERE) as client:
            yield client


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
async def test_each_page_fits_the_screen_and_nothing_of_it_is_kept_from_loading(
    chromium: Browser, served: Client, name: str, theme: str, width: int
) -> None:
    async with page(chromium, theme, width) as opened:
        await opened.goto(served.url + PAGES[name])
        await kept(opened, f"{name}-{theme}-{width}")
        assert await opened.evaluate(SIDEWAYS) <= 0
        assert await opened.evaluate(SQUEEZED) == 0
        assert await opened.locator("h1").count() == 1
        assert (await opened.title()).endswith("trainmaster")
        assert await faint(opened) == []


async def faint(opened: Page) -> list[str]:
    """Words that stand out from their ground by less than 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    found: list[str] = await opened.evaluate(CONTRASTS)
    return found


CONTRASTS = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, below) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)); };
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const canvas = document.createElement("div"); canvas.style.color = "Canvas"; document.body.append(canvas);
  const ground = parse(getComputedStyle(canvas).color); canvas.remove();
  const faint = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility?.() || e.closest("svg") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let below = ground, alpha = 1;
    for (const up of [...function* (x) { for (; x; x = x.parentElement) yield x; }(e)].reverse()) {
      below = over(parse(getComputedStyle(up).backgroundColor), below);
      alpha *= Number(getComputedStyle(up).opacity);
    }
    const [r, g, b, a] = parse(getComputedStyle(e).color);
    const words = over([r, g, b, (a ?? 1) * alpha], below), [x, y] = [light(words), light(below)].sort((p, q) => q - p);
    const ratio = (x + 0.05) / (y + 0.05);
    if (ratio < 4.5) faint.push(`${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)];
}"""


async def test_a_list_is_searched_and_sorted_by_keyboard(chromium: Browser, served: Client) -> None:
    async with page(chromium) as opened:
        await opened.goto(served.url)
        await opened.keyboard.press("Tab")
        await opened.keyboard.type("BERT")
        await opened.keyboard.press("Enter")
        await expect(opened.locator("table.jobs tbody tr")).to_have_count(1)
        await opened.get_by_role("link", name=re.compile("^text: BERT")).click()
        await expect(opened.locator("table.jobs tbody tr")).to_have_count(100)
        await opened.get_by_role("link", name="GPUs", exact=True).press("Enter")
        await expect(opened.locator("th[aria-sort=ascending]")).to_have_text("GPUs")
        await opened.get_by_role("link", name="After").click()
        await expect(opened.locator("nav.pages span")).to_have_text("Page 2 of 2, 143 jobs")


async def test_a_page_renews_itself_and_keeps_what_was_opened(chromium: Browser) -> None:
    shown = [fleet(trained())]
    async with serving_(lambda: shown[0]) as client, page(chromium) as opened:
        await opened.goto(f"{client.url}/jobs/vision/bert-large/")
        await opened.locator("summary").click()
        ended = replace(trained(), status=trained().status.model_copy(update={"state": "Succeeded"}))
        shown[0] = fleet(ended)
        await expect(opened.locator("h1 .tag")).to_have_text("Succeeded")
        await expect(opened.locator("details pre")).to_be_visible()


@pytest.mark.parametrize("runs", [(), (ended_run("bert-large"),)], ids=["unknown", "kept"])
async def test_a_page_that_is_open_when_its_job_goes_says_so_and_asks_no_more(
    runs: tuple[EndedRun, ...], chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_by(monkeypatch, Kept(*runs))
    shown, asked = [fleet(trained())], list[str]()
    async with serving_(lambda: shown[0]) as client, page(chromium) as opened:
        opened.on("request", lambda request: asked.append(request.url))
        await opened.clock.install()
        await opened.goto(f"{client.url}/jobs/vision/bert-large/")
        shown[0] = fleet()
        await opened.clock.run_for(2500)
        await expect(opened.locator("main")).to_contain_text("any more" if runs else "No such job")
        before = len(asked)
        for _ in range(10):
            await opened.clock.run_for(60_000)
    assert len(asked) == before


async def test_a_page_is_asked_for_once_at_a_time_and_says_when_it_is_old(
    chromium: Browser, served: Client
) -> None:
    asked, going, most, well = 0, 0, 0, True

    async def slowly(route: Route) -> None:
        nonlocal asked, going, most
        asked, going = asked + 1, going + 1
        most = max(most, going)
        await asyncio.sleep(2.5 if well else 0)
        going -= 1
        await (route.continue_() if well else route.fulfill(status=502))

    async with page(chromium) as opened:
        await opened.goto(served.url)
        await opened.route("**/*", slowly)
        async with asyncio.timeout(60):
            while asked < 2:
                await asyncio.sleep(0.1)
            assert most == 1
            well = False
            await expect(opened.locator("body[data-stale]")).to_have_count(1, timeout=30_000)
            await kept(opened, "stale")
            well = True
            await expect(opened.locator("body[data-stale]")).to_have_count(0, timeout=30_000)


async def test_a_log_is_followed_while_its_end_is_seen(chromium: Browser) -> None:
    node = Node()
    async with serving(fleet(trained()), logs=node) as client, page(chromium) as opened:
        await opened.goto(f"{client.url}/jobs/vision/bert-large/logs/c1/stderr")
        assert await opened.evaluate(AT_END)
        node.lines += [f"later {n}" for n in range(50)]
        await expect(opened.locator("pre")).to_contain_text("later 49")
        await opened.wait_for_function(AT_END)
        await opened.evaluate("scrollTo(0, 0)")
        node.lines += ["latest"]
        await expect(opened.locator("pre")).to_contain_text("latest")
        assert await opened.evaluate("scrollY") == 0, "whoever reads further up is left where he is"


async def test_a_job_leads_to_its_logs_and_back(chromium: Browser, served: Client) -> None:
    async with page(chromium) as opened:
        await opened.goto(f"{served.url}/?namespace=vision")
        await opened.get_by_role("link", name="bert-large", exact=True).click()
        await opened.locator("svg.timeline a").first.click()
        await expect(opened.locator("h1")).to_contain_text("stderr")
        await opened.get_by_role("link", name="vision/bert-large").click()
        await expect(opened.locator("svg.timeline")).to_be_visible()
        await opened.get_by_role("link", name="All jobs").click()
        await expect(opened.locator("h1")).to_have_text("Training jobs")


async def test_pages_can_be_read_without_scripts(chromium: Browser, served: Client) -> None:
    async with page(chromium, scripts=False) as opened:
        await opened.goto(f"{served.url}/?state=Running")
        await opened.get_by_role("link", name="Restarts").click()
        await expect(opened.locator("table.jobs tbody tr").first).to_contain_text("Running")
