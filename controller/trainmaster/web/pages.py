"""The two pages for people, from pictures. Pure: templates in, text out, everything escaped by Jinja.

A page links only to what lies below its own address, so that it works behind YARN's proxy under /proxy/<application>/.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from trainmaster.api.status import EarlierRun, JobStatus
from trainmaster.hadoop.gpus import Gpu
from trainmaster.master.picture import FleetPicture, Picture
from trainmaster.observe.ages import since
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.web.answers import in_order

GIB = 1024**3
TONES = {
    "good": {"Running", "Succeeded", "True"},
    "busy": {"Accepted", "Queued", "Starting", "Allocated", "Waiting", "Stopping"},
    "warn": {"Restarting", "BackingOff", "Unseen", "Suspended", "Unknown"},
    "bad": {"Failed", "Refused"},
}


def list_page(fleet: FleetPicture, now: float) -> str:
    """All jobs in one table."""
    return _environment().get_template("jobs.html").render(jobs=in_order(fleet), fleet=fleet, now=now)


def job_page(picture: Picture, now: float, up: str = "", gpus: GpuPicture | None = None) -> str:
    """One job: its conditions, its roles and each replica with its GPUs of this moment, its last end and its logs.

    `up` leads from where the page is served to the job's own address.
    """
    gpus = gpus or GpuPicture()
    return (
        _environment()
        .get_template("job.html")
        .render(job=picture, declared=picture.declared, status=picture.status, now=now, up=up, gpus=gpus)
    )


def run_page(picture: Picture, run: EarlierRun, now: float) -> str:
    """An earlier run of a job: how it ended, and where its logs are."""
    return _environment().get_template("run.html").render(declared=picture.declared, run=run, now=now)


def missing_page(namespace: str, name: str) -> str:
    """What a wrong address, or a job that is gone, shows."""
    return _environment().get_template("missing.html").render(namespace=namespace, name=name)


def policy() -> str:
    """The Content-Security-Policy: our one style and one script by their hashes, and nothing from elsewhere."""
    style, script = _digest("style.css"), _digest("refresh.js")
    return (
        f"default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trainmaster.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(style=_asset("style.css"), script=_asset("refresh.js"), started=_first_seen)
    environment.filters.update(tone=_tone, since=since, link=_web_link, gpu=_gpu)
    return environment


@cache
def _asset(name: str) -> str:
    return (files("trainmaster.web") / "templates" / name).read_text()


def _digest(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _tone(word: object) -> str:
    return next((tone for tone, words in TONES.items() if str(word) in words), "plain")


def _first_seen(status: JobStatus) -> str | None:
    return min((c.last_transition_time for c in status.conditions), default=None)


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


def _web_link(url: str) -> str:
    """Escaping doesn't help against `javascript:`: only web addresses become links."""
    return url if url.startswith(("http://", "https://")) else ""
