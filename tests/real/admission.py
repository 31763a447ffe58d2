"""The webhooks of one or more replicas as the real API server meets them, with the configurations and rights that are shipped.

There is no network of Services here: the configurations name a URL, behind which `Entrance` does what a Service does.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

from trainmaster.local.kubernetes.controlplane import LocalKubernetes
from trainmaster.local.services import LOOPBACK
from trainmaster.master import clock
from trainmaster.settings import Kubernetes, PolicyRule, Settings, Webhook
from trainmaster.sources.kubernetes.admission.webhooks import Webhooks
from trainmaster.sources.kubernetes.api import Api
from trainmaster.sources.kubernetes.installation import Installation
from trainmaster.sources.kubernetes.rights import Where, needed

T = TypeVar("T")
Document = dict[str, Any]

SHIPPED = Path(__file__).parents[2] / "manifests/base/trainmaster.yaml"
ACCOUNT = "trainmaster"
"""the controller's ServiceAccount"""
KINDS = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")


class Loop:
    """An event loop in a thread of its own, so that what serves on it answers while a test waits."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.begin(work).result(60)

    def close(self) -> None:
        self.do(asyncio.sleep(0.1))  # connections say goodbye
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Clock:
    """The replicas' time: the real one, moved as a test wants. The API server goes by the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0
        """seconds; below 0 it is behind"""

    def __call__(self) -> float:
        return clock.now() + self.ahead


class Replica:
    """One controller's webhooks. They look after their certificate only when a test says so."""

    def __init__(self, loop: Loop, settings: Settings, kubeconfig: Path, now: Callable[[], float]) -> None:
        self._loop = loop
        self._api = Api.connect(settings.kubernetes, str(kubeconfig))
        self.webhooks = Webhooks(
            settings, self._api, Installation(self._api, settings.kubernetes.name), now=now
        )
        self._running: Future[None] | None = None
        loop.do(self.webhooks.start())

    @property
    def port(self) -> int:
        return self.webhooks.port

    @property
    def trouble(self) -> str:
        return self.webhooks.trouble

    def look(self) -> None:
        self._loop.do(self.webhooks.look())

    def keep_looking(self) -> None:
        """Until it is stopped, as a controller does."""
        self._running = self._loop.begin(self.webhooks.run())

    def stop(self) -> None:
        if self._running:
            self._running.cancel()
        self._loop.do(self.webhooks.stop())
        self._loop.do(self._api.close())


class Entrance:
    """Hands each new connection to the next replica, as a Service does."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.ports: list[int] = []
        self.taken = 0
        """connections so far"""
        self._open: set[asyncio.StreamWriter] = set()
        self._server = loop.do(asyncio.start_server(self._accept, LOOPBACK, 0))
        self.url = f"https://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def hang_up(self) -> None:
        """End the connections, on which nothing is under way; whoever asks again comes over a new one."""
        self._loop.do(self._hang_up())

    def close(self) -> None:
        self._loop.do(self._close())

    async def _close(self) -> None:
        self._server.close()  # on the loop that it runs on: beside a connection that ends there, it breaks
        await self._hang_up()

    async def _hang_up(self) -> None:
        for writer in self._open:
            writer.write_eof()  # the replica says goodbye, and whoever asked has heard it before it asks again
        async with asyncio.timeout(10):
            while self._open:
                await asyncio.sleep(0.001)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.ports:
            writer.close()
            return
        port = self.ports[self.taken % len(self.ports)]
        self.taken += 1
        their_reader, their_writer = await asyncio.open_connection(LOOPBACK, port)
        self._open.add(their_writer)
        await asyncio.gather(self._pass(reader, their_writer), self._pass(their_reader, writer))
        self._open.remove(their_writer)
        for end in (writer, their_writer):
            end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the one end has no more to say, which the other is told."""
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except (OSError, RuntimeError):
            writer.transport.abort()  # the other end is gone, or was hung up on


class Guarded:
    """A namespace whose jobs the webhooks guard, and one of the controller's own."""

    def __init__(self, kubernetes: LocalKubernetes, namespace: str, policy: tuple[PolicyRule, ...]) -> None:
        self.kubernetes, self.namespace, self.own = kubernetes, namespace, f"{namespace}-own"
        webhook = Webhook(port=0, listen=LOOPBACK, configuration=namespace)
        self.settings = Settings(
            kubernetes=Kubernetes(namespace=self.own, namespaces=(namespace,), webhook=webhook), policy=policy
        )
        self.loop, self.clock = Loop(), Clock()
        self.entrance = Entrance(self.loop)
        self.replicas: list[Replica] = []
        kubernetes.kubectl("create", "namespace", self.own)
        self._apply(*self._rights())
        self.account = kubernetes.kubeconfig_for(self.own, ACCOUNT)

    def replica(self, **webhook: Any) -> Replica:
        """One more, which has not looked for its certificate yet; `webhook` are other settings of its webhooks."""
        kubernetes = self.settings.kubernetes
        changed = kubernetes.webhook.model_copy(update=webhook)
        settings = self.settings.model_copy(
            update={"kubernetes": kubernetes.model_copy(update={"webhook": changed})}
        )
        made = Replica(self.loop, settings, self.account, self.clock)
        self.replicas.append(made)
        self.entrance.ports.append(made.port)
        return made

    def configure(self, failure: str = "Fail") -> None:
        """Apply the configurations as they are shipped, for this namespace, with the URL instead of the Service."""
        self._apply(*(self._pointed(shipped(kind), failure) for kind in KINDS))

    def configuration(self, kind: str) -> Document:
        return self.get(kind, self.namespace)

    def bundles(self) -> set[str]:
        """All that the API server was told to trust; one for all webhooks when all is well."""
        webhooks = (webhook for kind in KINDS for webhook in self.configuration(kind)["webhooks"])
        return {webhook["clientConfig"].get("caBundle", "") for webhook in webhooks}

    def get(self, *arguments: str) -> Document:
        text = self.kubernetes.kubectl("get", *arguments, "-o", "yaml")
        return dict(yaml.safe_load(text))

    def close(self) -> None:
        self.kubernetes.kubectl("delete", ",".join(KINDS), self.namespace, "--ignore-not-found")
        self.kubernetes.kubectl("delete", "clusterrole,clusterrolebinding", self.own, "--ignore-not-found")
        for replica in self.replicas:
            replica.stop()
        self.entrance.close()
        self.loop.close()
        self.kubernetes.kubectl("delete", "namespace", self.own, "--wait=false")

    def _pointed(self, configuration: Document, failure: str) -> Document:
        configuration["metadata"] = {"name": self.namespace}
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"{self.entrance.url}{path}"}
            webhook["failurePolicy"] = failure
            webhook["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        return configuration

    def _rights(self) -> Iterator[Document]:
        table = needed(self.settings.kubernetes)
        account = {"name": ACCOUNT, "namespace": self.own}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
        for where, prefix in ((Where.OWN, ""), (Where.CLUSTER, "Cluster")):
            metadata = {"name": self.own, **({} if prefix else {"namespace": self.own})}
            rules = [right.rule for right in table if right.where is where]
            head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
            yield {**head, "kind": f"{prefix}Role", "rules": rules}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": f"{prefix}Role", "name": self.own}
            subject = {"kind": "ServiceAccount", **account}
            yield {**head, "kind": f"{prefix}RoleBinding", "roleRef": role, "subjects": [subject]}

    def _apply(self, *documents: Document) -> None:
        self.kubernetes.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(documents))


def shipped(kind: str) -> Document:
    """The webhook configuration of this kind as manifests/ has it."""
    documents = yaml.safe_load_all(SHIPPED.read_text())
    found = next(document for document in documents if document and document["kind"].lower() == kind)
    return copy.deepcopy(dict(found))


@contextmanager
def guarded(kubernetes: LocalKubernetes, namespace: str, policy: tuple[PolicyRule, ...]) -> Iterator[Guarded]:
    """It is there until the end of the context."""
    made = Guarded(kubernetes, namespace, policy)
    try:
        yield made
    finally:
        made.close()
