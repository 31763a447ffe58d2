"""The API server's news of TrainingJobs, through kopf: it lists, watches and reconnects, and we listen.

kopf has a thread and a loop of its own. It takes over the signals of the main thread, and when it ends it cancels every task
of its loop that is younger than itself (kopf's reactor/running.py): in our loop those would be all jobs. Nothing else of kopf
is used: no finalizer, no annotation, no event, no peering, no scanning of the cluster. Never here: what the news mean.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

import kopf
from kubernetes.client import Configuration

from trainmaster.errors import UnavailableError
from trainmaster.sources.kubernetes.api import TRAININGJOBS, Object

log = logging.getLogger(__name__)

Take = Callable[[str | None, Object], None]
"""Called in the loop of who listens, with ADDED, MODIFIED or DELETED, or None for what kopf listed, and the object."""

_IDENTITY: Any = f"trainmaster@{socket.gethostname()}"
"""who we are in kopf's peering, which isn't used: kopf would ask for the name of our user, and a uid may have none"""
_LEAVING = 10.0
"""seconds that kopf has to end"""
_GOODBYE = 0.25
"""seconds that TLS takes to close what kopf has left open (aiohttp's documentation, "Graceful shutdown")"""


async def listen(configuration: Callable[[], Configuration], namespaces: Collection[str], take: Take) -> None:
    """Until cancelled, or until kopf gives up: UnavailableError with its reason. No namespaces: all of them."""
    _tame()
    loop = asyncio.get_running_loop()
    stop, ended = threading.Event(), asyncio.Event()
    words: list[str] = []

    def tell(kind: str | None, document: Object) -> None:
        if not stop.is_set():
            loop.call_soon_threadsafe(take, kind, document)

    def live() -> None:
        try:
            asyncio.run(_operator(_registry(configuration, tell), namespaces, stop))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told to the one who listens, in its loop
            words.append(_words(error))
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=live, name="kopf", daemon=True).start()
    try:
        await ended.wait()
    finally:
        stop.set()
        await _settled(ended)
    raise UnavailableError(
        f"watching {TRAININGJOBS} ended: {words[0] if words else 'kopf stopped by itself'}"
    )


async def _settled(ended: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LEAVING):
            await ended.wait()
    except TimeoutError:
        log.warning("kopf doesn't end; its thread is left behind")


async def _operator(
    registry: kopf.OperatorRegistry, namespaces: Collection[str], stop: threading.Event
) -> None:
    try:
        await kopf.operator(
            registry=registry,
            settings=_settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
            identity=_IDENTITY,
        )
    finally:
        stop.set()  # a thread waits for it, and the loop for that thread
        await asyncio.sleep(_GOODBYE)


def _registry(
    configuration: Callable[[], Configuration], tell: Callable[[str | None, Object], None]
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return await asyncio.to_thread(_credentials, configuration())

    async def heard(event: Mapping[str, Any], **_: Any) -> None:
        document = dict(event["object"])
        metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
        tell(event["type"], {**document, "metadata": metadata})

    kopf.on.login(registry=registry)(log_in)
    kopf.on.event(TRAININGJOBS.group, TRAININGJOBS.version, TRAININGJOBS.plural, registry=registry)(heard)
    return registry


def _credentials(settings: Configuration) -> kopf.ConnectionInfo:
    """The same server and identity as every other call's."""
    scheme, _, token = str(settings.get_api_key_with_prefix("BearerToken") or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=settings.host,
        ca_path=settings.ssl_ca_cert,
        insecure=not settings.verify_ssl,
        username=settings.username or None,
        password=settings.password or None,
        scheme=scheme or None,
        token=token or None,
        certificate_path=settings.cert_file,
        private_key_path=settings.key_file,
        proxy_url=settings.proxy,
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.process.ultimate_exiting_timeout = None  # or it kills this process
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.chunk_size = 100
    settings.watching.connect_timeout = 10.0
    settings.queueing.idle_timeout = 0.1
    settings.networking.request_timeout = 60.0
    settings.networking.connect_timeout = 10.0
    settings.networking.error_backoffs = (0.5, 1, 2, 5)
    settings.persistence.diffbase_storage = _NoDiffs()
    return settings


class _NoDiffs(kopf.DiffBaseStorage):
    """kopf copies each object deeply to compare it with the one before; nobody here asks what changed."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        """Nothing is kept."""


class _Demoted(logging.Handler):
    """What kopf finds worth an error, such as each try to reconnect, is a detail here: the list says when it matters."""

    def emit(self, record: logging.LogRecord) -> None:
        log.debug("kopf: %s", record.getMessage())


def _tame() -> None:
    logger = logging.getLogger("kopf")
    logger.handlers, logger.propagate = [_Demoted()], False


def _words(error: BaseException) -> str:
    """The first of an error's arguments: kopf puts the whole answer into the second."""
    text = str(error.args[0]) if error.args and error.args[0] else ""
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__
