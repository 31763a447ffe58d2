"""Objects of the API server: read, listed, created, replaced, patched and deleted as plain JSON, without blocking the loop.

Every call has a deadline and its own small set of threads, so that a flood of one kind of calls delays no other. Never here:
what the objects mean, and a retry whose first try may have had an effect: only 429 is tried again, which changed nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.json_text import loads
from trainmaster.settings import Kubernetes
from trainmaster.sources.kubernetes.connection import JSON_TYPE, Answer, Connection, Request
from trainmaster.sources.kubernetes.counts import NO_ANSWER, Counts
from trainmaster.sources.kubernetes.errors import Call, ConflictError, NotFoundError, refusal
from trainmaster.sources.kubernetes.resources import (
    ACCESS_REVIEWS,
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    MUTATING_WEBHOOKS,
    SECRETS,
    TRAININGJOBS,
    VALIDATING_WEBHOOKS,
    WHO_AM_I,
    Resource,
)
from trainmaster.sources.threads import Threads

__all__ = [
    "ACCESS_REVIEWS",
    "APPLY",
    "CONFIG_MAPS",
    "EVENTS",
    "JSON",
    "LEASES",
    "MERGE",
    "MUTATING_WEBHOOKS",
    "SECRETS",
    "TRAININGJOBS",
    "VALIDATING_WEBHOOKS",
    "WHO_AM_I",
    "Api",
    "ConflictError",
    "NotFoundError",
    "Object",
    "Resource",
]

Object = dict[str, Any]
"""an object of the API server, as its JSON says it"""
Objects = list[Object]
T = TypeVar("T")
Kept = list[T]

MERGE: Final = "application/merge-patch+json"
"""a patch that holds the fields to change; null removes one (RFC 7386)"""
JSON: Final = "application/json-patch+json"
"""a patch that is a list of operations (RFC 6902); its `test` refuses the whole"""
APPLY: Final = "application/apply-patch+yaml"
"""a patch that is everything we want of the object: server-side apply"""

MANAGER: Final = "trainmaster"
"""by which name managedFields tell what we own"""
TIMEOUT = 25.0
"""seconds for one call: answers that take 10 s are waited for"""
_PAGE = 500
_NEW_LISTS = 3
"""times that a list is begun anew because its continuation ran out"""
_MARGIN = 1.2
"""a call is given up after so many times its deadline, if the library doesn't keep it: it counts each silence by itself"""
_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
"""asks for lists of metadata alone (API concepts, "Metadata-only fetches")"""


class Api:
    """One lane to the API server: some threads and a deadline.

    Raises, from every call: DeniedError with the right that is missing, NotFoundError, ConflictError, RefusedError with the
    server's words, and UnavailableError when nothing is known.
    """

    def __init__(
        self,
        connection: Connection,
        namespace: str = "",
        threads: int = 8,
        timeout: float = TIMEOUT,
        counts: Counts | None = None,
        warned: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`warned` hears what the server says beside its answers."""
        self._connection = connection
        self._warned = warned
        self._counts = counts or Counts()
        self._threads = Threads(threads, timeout * _MARGIN)
        self._timeout = timeout
        self._lanes: list[Api] = []
        self.namespace = namespace or connection.namespace
        """the controller's own"""

    @classmethod
    def connect(cls, settings: Kubernetes, kubeconfig: str = "", counts: Counts | None = None) -> Api:
        """To the cluster that this process belongs to, or that KUBECONFIG names. InvalidError when there is none."""
        return cls(Connection(kubeconfig), settings.namespace, counts=counts)

    @property
    def connection(self) -> Connection:
        """Whom it talks to and as whom, for connections of another kind."""
        return self._connection

    def lane(self, threads: int, timeout: float = TIMEOUT) -> Api:
        """The same server and credentials, with threads and a deadline of their own; closed together with this one."""
        lane = Api(self._connection, self.namespace, threads, timeout, self._counts, self._warned)
        self._lanes.append(lane)
        return lane

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._do("GET", Call("get", resource, namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        *,
        page: int = _PAGE,
        metadata_only: bool = False,
    ) -> tuple[Objects, str]:
        """All objects that the selectors choose, complete, and the resourceVersion at which they were so."""
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(page)}
        chosen = {key: value for key, value in query.items() if value}
        accept = _METADATA if metadata_only else JSON_TYPE
        return await self._list(Call("list", resource, namespace), chosen, accept, lambda found: found)

    async def list_as(
        self, keep: Callable[[Object], T], resource: Resource, namespace: str = "", *, page: int = _PAGE
    ) -> tuple[Kept[T], str]:
        """The same of all objects, with what is kept of each: only one page of whole objects is in memory at a time."""
        return await self._list(Call("list", resource, namespace), {"limit": str(page)}, JSON_TYPE, keep)

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Raises ConflictError of the kind AlreadyExists when there is one of that name."""
        return await self._do("POST", Call("create", resource, namespace), body)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        """The whole object, if it still is what metadata.resourceVersion in the body says; else ConflictError."""
        return await self._do("PUT", Call("update", resource, namespace, name), body)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Object | Sequence[Object],
        *,
        kind: str = MERGE,
        subresource: str = "",
        force: bool = True,
        manager: str = MANAGER,
        dry: bool = False,
    ) -> Object:
        """Change some fields. A resourceVersion in the body makes it conditional; `force` is for APPLY: take fields over.

        `dry`: say what would come of it, and keep nothing.
        """
        call = Call("patch", resource, namespace, name, subresource)
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry else {})}
        if kind == APPLY:
            query["force"] = str(force).lower()
        return await self._do("PATCH", call, body, query, kind)

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str = "", version: str = ""
    ) -> None:
        """Delete one object; no error when it, or the one of that uid, is gone already.

        With a version, ConflictError when the object has changed since.
        """
        given = {"uid": uid, "resourceVersion": version}
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if conditions := {key: value for key, value in given.items() if value}:
            body["preconditions"] = conditions
        try:
            await self._do("DELETE", Call("delete", resource, namespace, name), body)
        except NotFoundError:
            return
        except ConflictError:
            if not uid or await self._is_there(resource, namespace, name, uid):
                raise

    async def close(self) -> None:
        """Let go of everything, on every lane. Calls under way may still have their effect."""
        self._let_go()
        self._connection.close()

    def _let_go(self) -> None:
        for lane in self._lanes:
            lane._let_go()
        self._threads.close()

    async def _is_there(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        try:
            found = await self.get(resource, namespace, name)
        except NotFoundError:
            return False
        return bool(found["metadata"]["uid"] == uid)

    async def _list(
        self, call: Call, query: Mapping[str, str], accept: str, keep: Callable[[Object], T]
    ) -> tuple[Kept[T], str]:
        for _ in range(_NEW_LISTS):
            try:
                return await self._pages(call, query, accept, keep)
            except RefusedError as error:
                if error.kind != "Expired":
                    raise
        raise UnavailableError(f"{call}: the list ran out before its end, {_NEW_LISTS} times")

    async def _pages(
        self, call: Call, query: Mapping[str, str], accept: str, keep: Callable[[Object], T]
    ) -> tuple[Kept[T], str]:
        items: Kept[T] = []
        query = dict(query)
        while True:
            found = await self._do("GET", call, query=query, accept=accept)
            items += map(keep, found.get("items") or ())
            metadata = found["metadata"]
            if not metadata.get("continue"):
                return items, metadata.get("resourceVersion", "")
            query["continue"] = metadata["continue"]

    async def _do(
        self,
        method: str,
        call: Call,
        body: Object | Sequence[Object] | None = None,
        query: Mapping[str, str] | None = None,
        content: str = JSON_TYPE,
        accept: str = JSON_TYPE,
    ) -> Object:
        if not _is_nameable(call):
            raise NotFoundError("NotFound", f"{call}: nothing can be called so")
        path = call.resource.path(call.namespace, call.name, call.subresource)
        verb, kind = call.verb, call.resource.plural
        try:
            answer = await self._answer(Request(method, path, query or {}, body, content, accept))
        except UnavailableError:
            self._counts.called(verb, kind, NO_ANSWER)
            raise
        self._counts.called(verb, kind, str(answer.status))
        for words in _warnings(answer):
            self._warned(words)
        if not 200 <= answer.status < 300:
            raise refusal(call, answer.status, answer.body, self._connection.who)
        try:
            return dict(loads(answer.body))
        except (ValueError, TypeError) as error:
            raise UnavailableError(f"{call}: the answer is not an object in JSON") from error

    async def _answer(self, request: Request) -> Answer:
        """One answer that is not 429: the server is given the time that it asks for, within the deadline."""
        patience = self._timeout
        while True:
            answer = await self._threads.call(self._connection.request, request, self._timeout)
            pause = _retry_after(answer)
            patience -= pause
            if answer.status != 429 or patience < 0:
                return answer
            await asyncio.sleep(pause)


def _is_nameable(call: Call) -> bool:
    """Whether its names are one part of a path each (apimachinery's IsValidPathSegmentName): else it would mean something else,
    such as the status of an object, or all of them."""
    if not call.name and call.verb not in {"list", "create"}:
        return False
    return not any(each in {".", ".."} or {"/", "%"} & {*each} for each in (call.namespace, call.name))


def _warnings(answer: Answer) -> list[str]:
    """As RFC 7234 has them: a code, an agent and a quoted text each."""
    found = _WARNING.findall(answer.headers.get("Warning", ""))
    return [text.replace('\\"', '"').replace("\\\\", "\\") for text in found]


def _retry_after(answer: Answer) -> float:
    """Seconds that the server wants to be left alone; at least one, so that it isn't asked in a tight loop."""
    told = answer.headers.get("Retry-After", "")
    return float(max(1, int(told))) if told.isdigit() else 1.0
