"""The pages for people, from pictures. Pure: templates in, text out, everything escaped by Jinja.

A page links only to what lies below its own address, so that it works behind YARN's proxy under /proxy/<application>/.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from trainmaster.api.hiding import without_secrets
from trainmaster.api.history import STATES, EndedRun, file_of
from trainmaster.api.past_runs import Found
from trainmaster.api.status import EarlierRun
from trainmaster.hadoop.gpus import Gpu
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.ages import short_age, since
from trainmaster.observe.checkpoint_words import checkpoint_words, saved_model_words
from trainmaster.observe.goodput_words import goodput_words, lost_words
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.job_links import job_links
from trainmaster.observe.progress_words import progress_words, slow_words
from trainmaster.observe.use.curves import UsePicture
from trainmaster.observe.use.values import uses_of
from trainmaster.observe.use.words import use_words
from trainmaster.settings import Link
from trainmaster.web.curves import charts_of
from trainmaster.web.declaration import shown
from trainmaster.web.glance import glance
from trainmaster.web.links import links_of
from trainmaster.web.listing import Query, first_seen, queue_of, select, user_of
from trainmaster.web.logs import FILES, SIZES, Log
from trainmaster.web.timeline import timeline_of
from trainmaster.web.use import troubles

GIB = 1024**3
MOST_OTHERS = 20
"""further runs that the page of a job that is gone names"""
TONES = {
    "good": {"Running", "Succeeded", "True"},
    "busy": {"Accepted", "Queued", "Starting", "Allocated", "Waiting", "Stopping"},
    "warn": {"Restarting", "BackingOff", "Unseen", "Suspended", "Unknown"},
    "bad": {"Failed", "Refused"},
}


def list_page(fleet: FleetPicture, now: float, query: Query = Query()) -> str:  # noqa: B008 - frozen
    """The jobs that are asked for in one table, page by page, and the whole fleet at a glance."""
    page = select(fleet.jobs.values(), query)
    return _render("jobs.html", page=page, glance=glance(fleet), fleet=fleet, now=now)


def job_page(
    picture: Picture,
    now: float,
    up: str = "",
    gpus: GpuPicture | None = None,
    use: UsePicture = UsePicture(),  # noqa: B008 - frozen
    links: Sequence[Link] = (),
) -> str:
    """One job: its conditions, the lives of its processes, what they used in the last hour, and each replica with its use and
    GPUs of this moment, its last end and logs.

    `up` leads from where the page is served to the job's own address.
    """
    used = list(uses_of(picture, use.said))
    return _render(
        "job.html",
        job=picture,
        declared=picture.declared,
        status=picture.status,
        line=timeline_of(picture.memory, now),
        declaration=shown(picture.declared.job) if picture.declared.job else "",
        now=now,
        up=up,
        gpus=gpus or GpuPicture(),
        uses={each.container: each for each in used},
        links=[*_own_links(picture), *links_of(picture, links)],
        use_troubles=troubles(used),
        charts=charts_of(use.curves.get(picture.declared.uid, {}), picture.status.roles, now),
    )


def _own_links(picture: Picture) -> Iterator[tuple[str, str]]:
    job = picture.declared.job
    return job_links(job, picture.status) if job else iter(())


def log_page(picture: Picture, log: Log) -> str:
    """What a process wrote."""
    return _render("log.html", declared=picture.declared, log=log, files=FILES, sizes=SIZES)


def run_page(picture: Picture, run: EarlierRun, now: float) -> str:
    """An earlier run of a job: how it ended, and where its logs are."""
    return _render("run.html", declared=picture.declared, run=run, now=now)


def history_page(found: Found, query: object, trouble: str, now: float, most_days: int) -> str:
    """Runs that are over, or why they can't be shown."""
    told = {"found": found, "query": query, "trouble": trouble, "most_days": most_days}
    return _render("history.html", **told, states=STATES, now=now)


def ended_page(run: EndedRun, others: Sequence[EndedRun], root: str, declared: bool) -> str:
    """What the history kept of a run, whose job may still be declared; `root` leads from there to the list of jobs."""
    return _render("ended.html", run=run, others=others[:MOST_OTHERS], root=root, declared=declared)


def missing_page(namespace: str, name: str, root: str = "", trouble: str = "") -> str:
    """What a wrong address, or a job that is gone, shows; or what kept the history from being asked for it.
    `root` leads from where it is served to the list of jobs; empty: no link does."""
    return _render("missing.html", namespace=namespace, name=name, root=root, trouble=trouble)


def denied_page(why: str) -> str:
    """What somebody sees of whom nobody knows who he is."""
    return _render("denied.html", why=why)


def policy() -> str:
    """The Content-Security-Policy: our one style and one script by their hashes, and nothing from elsewhere."""
    style, script = _digest("style.css"), _digest("refresh.js")
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trainmaster.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(style=_asset("style.css"), script=_asset("refresh.js"))
    environment.globals.update(queue_of=queue_of, user_of=user_of, age=_age)
    environment.filters.update(
        tone=_tone,
        since=since,
        link=_web_link,
        gpu=_gpu,
        used=use_words,
        gib=_gib,
        container=_container,
        goodput=goodput_words,
        lost=lost_words,
        progress=progress_words,
        slow=slow_words,
        checkpoint=checkpoint_words,
        saved_model=saved_model_words,
        hours=_hours,
        took=_took,
        hidden=without_secrets,
        kept=_kept,
    )
    return environment


@cache
def _asset(name: str) -> str:
    return (files("trainmaster.web") / "templates" / name).read_text()


def _digest(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _tone(word: object) -> str:
    return next((tone for tone, words in TONES.items() if str(word) in words), "plain")


def _age(job: Picture, now: float) -> str:
    seen = first_seen(job)
    return short_age(now - seen) if seen else ""


def _container(log_url: str) -> str:
    """Of a log's address at its NodeManager (plan/links.py)."""
    found = re.search(r"/containers/(\w+)/logs$", log_url)
    return found[1] if found else ""


def _gib(mebibytes: int) -> str:
    return f"{mebibytes / 1024:.1f} GiB"


def _gpu(gpu: Gpu) -> str:
    """`0: 87 %, 12.3 of 16.0 GiB, 61 °C`, as far as it is known."""
    told = (
        "" if gpu.utilization is None else f"{gpu.utilization:.0%}".replace("%", " %"),
        f"{gpu.memory_used / GIB:.1f} of {gpu.memory / GIB:.1f} GiB"
        if gpu.memory_used is not None and gpu.memory
        else "",
        "" if gpu.temperature is None else f"{gpu.temperature:.0f} °C",
    )
    return f"{gpu.minor}: {', '.join(filter(None, told)) or 'nothing told'}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f}"


def _took(run: EndedRun) -> str:
    return short_age(run.seconds) if run.started_at else ""


def _kept(run: EndedRun) -> str:
    """Where the history's own page of it is, from the list of jobs."""
    return quote(file_of(run).page)


def _web_link(url: str) -> str:
    """Escaping doesn't help against `javascript:`: only web addresses become links."""
    return url if url.startswith(("http://", "https://")) else ""
