"""The web server: addresses, and who answers at each. What is said is made in health, answers and pages.

Everything is read-only, and made from the fleet's picture at the moment of the request. Who may look is access.py's; how a port
is bound and what all answers have in common is site.py's.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from urllib.parse import quote

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from trainmaster.addresses import REPORTS
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.master import clock
from trainmaster.master.picture import FleetPicture, Picture, Shown
from trainmaster.observe.gpus.values import GpuPicture
from trainmaster.observe.use.curves import UsePicture
from trainmaster.settings import Settings
from trainmaster.web import answers, discovery, pages
from trainmaster.web.access import Gate, Viewer
from trainmaster.web.door import Door, viewer_of
from trainmaster.web.forward import Forward
from trainmaster.web.health import readiness
from trainmaster.web.hosts import is_loopback, named, only_by
from trainmaster.web.listing import Query, parse
from trainmaster.web.logs import FILES, Logs, Reader, place_of
from trainmaster.web.nodes import nodes_json
from trainmaster.web.past import Past
from trainmaster.web.sending import Sending
from trainmaster.web.site import Site, html, secure
from trainmaster.web.use import use_json

P = ParamSpec("P")
T = TypeVar("T")

RUN = r"/jobs/{namespace}/{name}/runs/{rerun:\d{1,9}}/"
LOG = rf"/logs/{{container}}/{{file:{'|'.join(FILES)}}}"
"""below the page of a job or run: YARN's proxy passes on only what lies below that"""


class WebServer:
    """Serves one controller: pages and answers about jobs at one port, what monitoring asks for at another.

    `start` binds; until then the URLs aren't known where a port is 0.
    """

    def __init__(
        self,
        settings: Settings,
        shown: Shown,
        registry: CollectorRegistry,
        now: Callable[[], float] = clock.now,
        gpus: Callable[[], GpuPicture] = GpuPicture,
        uses: Callable[[], UsePicture] = UsePicture,
        logs: Reader | None = None,
    ) -> None:
        self._settings = settings
        self._picture = shown.picture
        self._registry = registry
        self._now = now
        self._gpus, self._uses = gpus, uses
        self._logs = Logs(logs)
        self.reports: Callable[[], str] = str
        """where the reports door is; empty where there is none"""
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="web")
        self.past = Past(now, settings.history.keep_months, lambda uid: uid in shown.picture().jobs)
        alone = is_loopback(settings.listen)
        own = named([settings.public_url, settings.advertise]) | {settings.listen.lower()}
        self._by_name = [only_by(own)] if alone else []
        gate = Gate(settings.access, alone)
        self._door = Door(gate, now, self._beside)
        self._forward = Forward(shown.leader, self._door.vouch)
        self._pages = Site(self._jobs_application(), settings.listen, settings.web_port)
        self._monitoring = Site(self._monitoring_application(), settings.listen, settings.metrics_port)

    @property
    def url(self) -> str:
        """Where people and YARN reach it: `public_url`, or else its own address; without a slash at the end."""
        return self._settings.public_url.rstrip("/") or self.own_url

    @property
    def own_url(self) -> str:
        """Where this very controller is reached: `advertise`, or else the address bound; without a slash at the end."""
        return self._settings.advertise.rstrip("/") or self._pages.url

    @property
    def metrics_url(self) -> str:
        """Where Prometheus finds it: the address bound, without a path."""
        return self._monitoring.url

    async def start(self) -> None:
        """Bind and serve. Raises UnavailableError when a port is taken."""
        try:
            await self._pages.start()
            await self._monitoring.start()
        except UnavailableError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish requests under way and close; no error when it never started."""
        await self._pages.stop()
        await self._monitoring.stop()
        await self._forward.close()
        self.past.close()
        await self._logs.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _beside(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Thousands of rows must not hold up a heartbeat, nor what else waits for a thread the answer; pictures are frozen."""
        work = functools.partial(make, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _jobs_application(self) -> web.Application:
        application = web.Application(middlewares=[*self._by_name, self._door.let_in, Sending().in_pieces])
        application.on_response_prepare.append(secure)
        leaders = self._forward
        application.add_routes(
            [
                web.get("/", leaders(self._list_page)),
                web.get(REPORTS, self._reports),
                web.get("/api/jobs", leaders(self._jobs)),
                web.get("/api/nodes", leaders(self._nodes)),
                web.get("/api/use/{of:jobs|replicas|nodes|gpus}", leaders(self._use)),
                web.get("/api/jobs/{namespace}/{name}", leaders(self._job)),
                web.get("/jobs/{namespace}/{name}", leaders(self._to_job_page)),
                web.get("/jobs/{namespace}/{name}/", leaders(self._job_page)),
                web.get("/jobs/{namespace}/{name}" + LOG, leaders(self._log_page)),
                *self.past.routes(leaders),
                web.get(RUN, leaders(self._run_page)),
                web.get(RUN + LOG.removeprefix("/"), leaders(self._log_page)),
            ]
        )
        return application

    def _monitoring_application(self) -> web.Application:
        application = web.Application(middlewares=[*self._by_name, Sending().in_pieces])
        application.on_response_prepare.append(secure)
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/sd", self._discovery),
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

    async def _discovery(self, _request: web.Request) -> web.Response:
        """A standby knows of no job: at its refusal a Prometheus keeps the targets that it has."""
        fleet = self._picture()
        if not fleet.leading:
            return web.json_response({"error": "this controller doesn't lead"}, status=503)
        return web.json_response(await self._beside(discovery.targets, fleet))

    async def _reports(self, _request: web.Request) -> web.Response:
        """Where this controller's reports door is, for the standby's, which hands on to it."""
        return web.json_response({"url": self.reports()})

    async def _jobs(self, request: web.Request) -> web.Response:
        made = self._beside(_jobs_text, self._picture(), viewer_of(request), dict(request.query))
        try:
            return web.json_response(text=await made)
        except InvalidError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _nodes(self, request: web.Request) -> web.Response:
        told = self._picture(), viewer_of(request), self._gpus(), self._now()
        return web.json_response(text=await self._beside(_nodes_text, *told))

    async def _use(self, request: web.Request) -> web.Response:
        """Of the four that `top` tells."""
        made = self._beside(
            _use_text,
            self._picture(),
            viewer_of(request),
            (self._gpus(), self._uses()),
            (request.match_info["of"], dict(request.query)),
        )
        try:
            return web.json_response(text=await made)
        except InvalidError as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _job(self, request: web.Request) -> web.Response:
        namespace, name = _name(request)
        found = self._found(request)
        if found is None:
            return web.json_response({"error": f"no job {namespace}/{name}"}, status=404)
        return web.json_response(text=await self._beside(answers.job_text, found))

    async def _list_page(self, request: web.Request) -> web.Response:
        query = parse(request.query)
        made = self._beside(_list_text, self._picture(), viewer_of(request), self._now(), query)
        return html(await made)

    async def _job_page(self, request: web.Request) -> web.Response:
        found = self._found(request)
        up = "../../" if "rerun" in request.match_info else ""
        if found is None:
            number = request.match_info.get("rerun")
            run = int(number) if number is not None else None
            return await self.past.of_job(request, *_name(request), run, up=up)
        told = self._gpus(), self._uses(), self._settings.links
        made = self._beside(pages.job_page, found, self._now(), up, *told)
        return html(await made)

    async def _run_page(self, request: web.Request) -> web.Response:
        """Where YARN's link to one application leads: that run's page, also once the job runs again."""
        rerun, found = int(request.match_info["rerun"]), self._found(request)
        if found is None or rerun == found.status.rerun:
            return await self._job_page(request)
        run = next((each for each in found.status.earlier_runs if each.rerun == rerun), None)
        if run is None:
            return await self.past.of_job(request, *_name(request), rerun, found.declared.uid, up="../../")
        return html(pages.run_page(found, run, self._now()))

    async def _log_page(self, request: web.Request) -> web.Response:
        found = self._found(request)
        place = place_of(found, request.match_info["container"]) if found else None
        if found is None or place is None:
            return html(pages.missing_page(*_name(request)), status=404)
        make = functools.partial(pages.log_page, found)
        try:
            return html(await self._logs.page(place, request.match_info["file"], request.query, make))
        except InvalidError as error:
            return web.Response(text=f"{error}\n", status=400)

    def _found(self, request: web.Request) -> Picture | None:
        """The job of the address; one that the viewer may not see isn't there for him."""
        found = answers.find(self._picture(), *_name(request))
        return found if found and viewer_of(request).sees(found) else None

    async def _to_job_page(self, request: web.Request) -> web.Response:
        # Relative: we may be behind a proxy. Quoted whole and put in as it is: `https:host` would lead elsewhere.
        _, name = _name(request)
        return web.Response(status=301, headers={"Location": f"{quote(name, safe='')}/"})


def _jobs_text(fleet: FleetPicture, viewer: Viewer, words: Mapping[str, str]) -> str:
    return answers.as_text(answers.jobs_json(viewer.seen_of(fleet), words))


def _nodes_text(fleet: FleetPicture, viewer: Viewer, gpus: GpuPicture, now: float) -> str:
    return answers.as_text(nodes_json(fleet, viewer, gpus, now))


def _use_text(
    fleet: FleetPicture,
    viewer: Viewer,
    told: tuple[GpuPicture, UsePicture],
    asked: tuple[str, Mapping[str, str]],
) -> str:
    return answers.as_text(use_json(viewer.seen_of(fleet), fleet.nodes, *told, *asked))


def _list_text(fleet: FleetPicture, viewer: Viewer, now: float, query: Query) -> str:
    return pages.list_page(viewer.seen_of(fleet), now, query)


def _name(request: web.Request) -> tuple[str, str]:
    return request.match_info["namespace"], request.match_info["name"]
