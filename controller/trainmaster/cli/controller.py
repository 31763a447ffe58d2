"""`controller`: settings, source, fleet and web server put together, and taken down cleanly.

This is the only place that knows them all. Never here: what any of them does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainmaster.cli import ending
from trainmaster.cli.options import Choices, with_choices
from trainmaster.errors import InvalidError, NoSuchFileError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from trainmaster.api.declared import Declared
    from trainmaster.api.job import FileRef, TrainingJob
    from trainmaster.hadoop.asking import Asking
    from trainmaster.hadoop.configuration import HadoopConf
    from trainmaster.hadoop.containers import LocalResource
    from trainmaster.master.boundary import History, Source
    from trainmaster.master.checkpoints import CheckpointWatch
    from trainmaster.master.fleet import Fleet
    from trainmaster.master.measures import Measures
    from trainmaster.master.node_health import HealthWatch
    from trainmaster.master.picture import Shown
    from trainmaster.master.tickets import Tickets
    from trainmaster.observe.gpus.watch import GpuWatch
    from trainmaster.observe.stalls import Stalls
    from trainmaster.observe.use.watch import UseWatch
    from trainmaster.settings import PolicyRule, Settings
    from trainmaster.sources.facts import FileFact
    from trainmaster.web.past import Reader

log = logging.getLogger(__name__)

SWITCH = 0.0001
"""seconds until a thread that computes gives way (by default 5 ms): the loop asks for its turn again after each call of the
system, some thousand times a second, and large jobs are decided on and shown by threads beside it. Less would have threads give
way more often than a call of the system takes"""


@with_choices
def controller(
    choices: Choices,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Drive every declared job, until SIGTERM or Ctrl-C. Running jobs go on without it."""
    from trainmaster.hadoop.configuration import read
    from trainmaster.observe.logs import set_up
    from trainmaster.observe.stalls import Stalls
    from trainmaster.plan.holdings import limits_of
    from trainmaster.web.access import proves_viewers

    misspelt: list[str] = []
    settings = choices.settings(say=misspelt.append)
    conf = read(settings.hadoop_conf_dir, settings.hadoop)
    proves_viewers(settings.access, conf)
    for quota in settings.quotas:
        limits_of(quota)
    set_up(settings.log_format, logging.DEBUG if verbose else logging.INFO)
    for words in misspelt:
        log.warning(words)
    stalls = Stalls()
    sys.setswitchinterval(SWITCH)
    ending.waits_for_nobody()
    with asyncio.Runner(loop_factory=stalls.new_loop) as runner:
        runner.run(_serve(settings, conf, stalls))


async def _serve(settings: Settings, conf: HadoopConf, stalls: Stalls) -> None:
    """Until a signal asks to stop. Raises what makes a start impossible: settings, a taken port."""
    from trainmaster.hadoop.asking import Asking
    from trainmaster.hadoop.http import Http
    from trainmaster.hadoop.logs import ContainerLogs
    from trainmaster.master.garbage import Garbage
    from trainmaster.master.measures import Measures
    from trainmaster.master.picture import Shown
    from trainmaster.observe.controller_gauges import package_version
    from trainmaster.observe.metrics import make_registry
    from trainmaster.observe.traces.exporter import Exporter
    from trainmaster.reports.door import ReportsDoor
    from trainmaster.reports.leader import LeadersDoor
    from trainmaster.web import times
    from trainmaster.web.server import WebServer

    shown = Shown()
    registry = make_registry(shown.last)
    registry.register(stalls)
    measures = Measures(registry, settings.metrics.kubeflow)
    traces = Exporter(settings.traces, registry, package_version())
    measures.ended = traces.ended
    asking = Asking(settings.own_user, settings.hadoop_ca_file, measures.calls)
    gpus, uses = _watches(settings, conf.scheme, asking, shown, registry)
    source = _source(settings, registry)
    # Of its own: nodes that are slow to send logs hold up no look at the cluster.
    logs_http = Http(settings.own_user, settings.hadoop_ca_file, measures.calls, times.NODE)
    logs = ContainerLogs(conf, logs_http)
    web = WebServer(settings, shown, registry, gpus=gpus.picture, uses=uses.picture, logs=logs)
    web.past.reader = _past_runs(settings)
    alone = settings.reports.port is None
    leaders = LeadersDoor(lambda: "" if alone or source.lease.held() else source.lease.leader)
    await web.start()
    source.lease.address = web.own_url
    try:
        if tickets := _tickets(settings, conf):
            shown.identity = tickets
            await tickets.log_in()
        await source.start()
        shown.fleet = fleet = _fleet(settings, conf, source, measures, web.url)
        door = ReportsDoor(settings.reports, fleet.found.reports)
        web.reports = lambda: door.own_url
        log.info(
            "started",
            extra={
                "web": web.url,
                "metrics": web.metrics_url,
                "source": source.name,
                "version": package_version(),
            },
        )
        beats, checkpoints, health = fleet.beats, _checkpoints(settings), _node_health(settings)
        await beats.until_one_ends(
            source=lambda: source.run(beats),
            fleet=lambda: _run_until_signal(fleet),
            gpus=lambda: gpus.run(fleet.found),
            use=uses.run,
            traces=traces.run,
            checkpoints=lambda: checkpoints.run(fleet.found),
            node_health=lambda: health.run(fleet.found.suspects, beats),
            garbage=Garbage().run,
            reports=lambda: door.run(fleet.found, lambda: leaders.url),
            leaders=leaders.run,
            **({"tickets": tickets.run} if tickets else {}),
        )
    finally:
        await asking.close()
        await web.stop()
        await logs_http.close()
        await source.close()
        log.info("stopped")


def _watches(
    settings: Settings, scheme: str, asking: Asking, shown: Shown, registry: CollectorRegistry
) -> tuple[GpuWatch, UseWatch]:
    """What nodes are asked beside the engine, by one client: what it may have under way is shared."""
    from trainmaster.observe.gpus.bill import Bill
    from trainmaster.observe.gpus.exposition import GpuCollector
    from trainmaster.observe.gpus.watch import GpuWatch
    from trainmaster.observe.use.exposition import UseCollector
    from trainmaster.observe.use.watch import UseWatch

    gpus = GpuWatch(settings.gpu, scheme, asking, shown.gpu_picture, Bill(registry))
    uses = UseWatch(settings.use, scheme, asking, shown.picture, gpus.picture)
    registry.register(GpuCollector(shown.last, gpus.picture))
    registry.register(UseCollector(shown.last, uses.last))
    return gpus, uses


def _checkpoints(settings: Settings) -> CheckpointWatch:
    from trainmaster.master.checkpoints import CheckpointWatch
    from trainmaster.sources.checkpoints import Checkpoints

    return CheckpointWatch(settings.checkpoint_interval, Checkpoints(settings))


def _node_health(settings: Settings) -> HealthWatch:
    from trainmaster.master.node_health import HealthWatch
    from trainmaster.sources.node_health import sayers

    return HealthWatch(settings.nodes.health_interval, sayers(settings))


def _tickets(settings: Settings, conf: HadoopConf) -> Tickets | None:
    """Who the controller is to a cluster that asks for tickets. Before anything of it is asked, HDFS included."""
    if not conf.kerberos:
        return None
    from trainmaster.master.tickets import Tickets

    return Tickets(settings, conf)


def _source(settings: Settings, registry: CollectorRegistry) -> Source:
    if settings.source == "folder":
        from trainmaster.sources.folder import FolderSource

        return FolderSource(settings.store, settings)
    from trainmaster.sources.kubernetes.source import KubernetesSource  # kopf takes half a second to import

    return KubernetesSource(settings, registry=registry)


async def _run_until_signal(fleet: Fleet) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, fleet.stop)
    await fleet.run()


def _fleet(settings: Settings, conf: HadoopConf, source: Source, measures: Measures, web_url: str) -> Fleet:
    from trainmaster.master.fleet import Fleet
    from trainmaster.sources.facts import FileFacts, not_private
    from trainmaster.sources.inputs import InputNodes

    facts = FileFacts(settings)

    async def files(ref: FileRef, user: str) -> LocalResource:
        try:
            return _local_resource(ref, await facts.stat(ref.source, user))
        except NoSuchFileError:  # no fault of the node, and trying again can't help
            raise
        except InvalidError as error:  # nor is this, but it may be over: it counts as refused
            raise RefusedError("InvalidFile", str(error)) from error

    async def private(ref: FileRef, user: str) -> LocalResource:
        fact = await facts.stat(ref.source, user)
        if problem := not_private(fact, user):
            raise NoSuchFileError(f"{ref.source}: {problem}")
        return _local_resource(ref, fact)

    policy, history = _policy(settings.policy), _history(settings)
    locate = InputNodes(conf).locate
    return Fleet(settings, conf, source, measures, files, policy, web_url, history, private, locate)


def _history(settings: Settings) -> History | None:
    """Where runs that are over are filed; None where no history is kept. Raises InvalidError for a URL that can't be meant."""
    from trainmaster.sources.history import Writer, check_url, history_url

    url = history_url(settings)
    check_url(url)
    return Writer(settings) if url else None


def _past_runs(settings: Settings) -> Reader | None:
    """How the pages read the history; None where none is kept."""
    from trainmaster.sources.history import history_url
    from trainmaster.sources.past_runs import PastRuns

    return PastRuns(settings) if history_url(settings) else None


def _local_resource(ref: FileRef, fact: FileFact) -> LocalResource:
    """A file of a declaration in YARN's terms. Raises NoSuchFileError for a folder."""
    from trainmaster.api.job import FileType
    from trainmaster.hadoop.containers import LocalResource, ResourceKind

    if fact.folder:
        raise NoSuchFileError(f"{ref.source} is a folder: YARN brings files, and archives that it unpacks")
    kind = ResourceKind.ARCHIVE if ref.type is FileType.ARCHIVE else ResourceKind.FILE
    return LocalResource(fact.url, fact.size, fact.mtime_ms, kind)


def _policy(rules: tuple[PolicyRule, ...]) -> Callable[[Declared, TrainingJob], str]:
    """Why a job may not run as its user, or in its queue; empty when it may."""
    from trainmaster.sources import policy

    def refusal(declared: Declared, job: TrainingJob) -> str:
        problem = policy.refusal(declared, job, rules)
        return problem.reason if problem else ""

    return refusal
