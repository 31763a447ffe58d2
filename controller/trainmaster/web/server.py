"""The web server: addresses, status codes and headers. What is said is made in health, answers and pages.

Everything is read-only, and made from the fleet's picture at the moment of the request.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.settings import Settings
from trainmaster.web import answers, pages
from trainmaster.web.forward import Forward
from trainmaster.web.health import readiness
from trainmaster.web.listing import parse

P = ParamSpec("P")
T = TypeVar("T")

STOP_SECONDS = 1.0
"""how long a stop waits for requests under way"""
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class WebServer:
    """Serves one controller. `start` binds; until then `url` is not known when `settings.web_port` is 0."""

    def __init__(
        self,
        settings: Settings,
        fleet_picture: Callable[[], FleetPicture],
        registry: CollectorRegistry,
        now: Callable[[], float] = clock.now,
        gpus: Callable[[], GpuPicture] = GpuPicture,
        scheme: str = "http",
    ) -> None:
        self._settings = settings
        self._picture = fleet_picture
        self._registry = registry
        self._now = now
        self._gpus = gpus
        self._scheme = scheme
        self._port = settings.web_port
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="web")
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=STOP_SECONDS)

    @property
    def url(self) -> str:
        """Where people and YARN reach it: `public_url`, or else its own address; without a slash at the end."""
        return self._settings.public_url.rstrip("/") or self.own_url

    @property
    def own_url(self) -> str:
        """Where this very controller is reached: `advertise`, or else the address bound; without a slash at the end."""
        host = self._settings.listen
        shown = f"[{host}]" if ":" in host else host
        return self._settings.advertise.rstrip("/") or f"http://{shown}:{self._port}"

    async def start(self) -> None:
        """Bind and serve. Raises UnavailableError when the port is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.listen, self._settings.web_port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            where = f"{self._settings.listen}:{self._settings.web_port}"
            raise UnavailableError(f"the web server can't listen on {where}: {error.strerror}") from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Finish requests under way and close; no error when it never started."""
        await self._runner.cleanup()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _beside(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Thousands of rows must not hold up a heartbeat, nor what else waits for a thread the answer; pictures are frozen."""
        work = functools.partial(make, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _application(self) -> web.Application:
        application = web.Application()
        application.on_response_prepare.append(_secure)
        leaders = Forward(self._picture)
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/", leaders(self._list_page)),
                web.get("/api/jobs", leaders(self._jobs)),
                web.get("/api/jobs/{namespace}/{name}", leaders(self._job)),
                web.get("/jobs/{namespace}/{name}", leaders(self._to_job_page)),
                web.get("/jobs/{namespace}/{name}/", leaders(self._job_page)),
                web.get(r"/jobs/{namespace}/{name}/runs/{rerun:\d{1,9}}/", leaders(self._run_page)),
            ]
        )
        return application

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # this runs on the masters' loop: an answer proves that it turns

    async def _readyz(self, _request: web.Request) -> web.Response:
        ready = readiness(self._picture())
        return web.json_response(ready.as_json(), status=200 if ready.ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        self._picture()  # on this loop: the registry reads the last one taken, beside it
        body = await self._beside(encode, self._registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _jobs(self, request: web.Request) -> web.Response:
        try:
            text = await self._beside(_jobs_text, self._picture(), dict(request.query))
        except InvalidError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(text=text)

    async def _job(self, request: web.Request) -> web.Response:
        namespace, name = _name(request)
        found = answers.find(self._picture(), namespace, name)
        if found is None:
            return web.json_response({"error": f"no job {namespace}/{name}"}, status=404)
        return web.json_response(answers.job_json(found))

    async def _list_page(self, request: web.Request) -> web.Response:
        query = parse(request.query)
        return _html(await self._beside(pages.list_page, self._picture(), self._now(), query))

    async def _job_page(self, request: web.Request) -> web.Response:
        namespace, name = _name(request)
        found = answers.find(self._picture(), namespace, name)
        if found is None:
            return _html(pages.missing_page(namespace, name), status=404)
        up = "../../" if "rerun" in request.match_info else ""
        made = self._beside(pages.job_page, found, self._now(), up, self._gpus(), self._scheme)
        return _html(await made)

    async def _run_page(self, request: web.Request) -> web.Response:
        """Where YARN's link to one application leads: that run's page, also once the job runs again."""
        namespace, name = _name(request)
        rerun, found = int(request.match_info["rerun"]), answers.find(self._picture(), namespace, name)
        if found is None or rerun == found.status.rerun:
            return await self._job_page(request)
        run = next((each for each in found.status.earlier_runs if each.rerun == rerun), None)
        if run is None:
            return _html(pages.missing_page(namespace, name), status=404)
        return _html(pages.run_page(found, run, self._now()))

    async def _to_job_page(self, request: web.Request) -> web.Response:
        # Relative: we may be behind a proxy. Quoted whole and put in as it is: `https:host` would lead elsewhere.
        _, name = _name(request)
        return web.Response(status=301, headers={"Location": f"{quote(name, safe='')}/"})


def _jobs_text(fleet: FleetPicture, words: Mapping[str, str]) -> str:
    return json.dumps(answers.jobs_json(fleet, words))


def _name(request: web.Request) -> tuple[str, str]:
    return request.match_info["namespace"], request.match_info["name"]


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html")


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    """As each answer goes out, whoever made it: aiohttp its 404 and 500, or another controller its page."""
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = pages.policy()
