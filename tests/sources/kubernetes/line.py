"""Objects under compare and swap, as the API server keeps them, and lines to them on which requests get lost or come late.

The real API server can't be made to hold one request back until another was served; so what that does is tried here.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.sources.kubernetes.api import ConflictError, NotFoundError, Object, Resource

Key = tuple[Resource, str, str]


class Server:
    """What there is. Each change makes a new version; one that rests on another version or uid is refused."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self._count = 0

    def get(self, key: Key) -> Object:
        if key not in self.objects:
            raise NotFoundError("NotFound", key[2])
        return copy.deepcopy(self.objects[key])

    def list(self, resource: Resource, namespace: str, labels: str) -> list[Object]:
        """Labels that stand alone must be there; others must have that value."""
        wanted = [part.partition("=") for part in labels.split(",") if part]

        def matches(found: Object) -> bool:
            has = found["metadata"].get("labels", {})
            return all(
                name in has and has[name] == (value if sign else has[name]) for name, sign, value in wanted
            )

        return [
            copy.deepcopy(o)
            for key, o in self.objects.items()
            if key[0] == resource and namespace in ("", key[1]) and matches(o)
        ]

    def create(self, key: Key, body: Object) -> Object:
        if key in self.objects:
            raise ConflictError("AlreadyExists", key[2])
        self._count += 1
        return self._keep(key, body, f"uid-{self._count}")

    def replace(self, key: Key, body: Object) -> Object:
        metadata = self.get(key)["metadata"]
        wanted = body["metadata"]
        if wanted.get("uid", metadata["uid"]) != metadata["uid"]:
            raise ConflictError("Conflict", "uid")
        if wanted.get("resourceVersion", metadata["resourceVersion"]) != metadata["resourceVersion"]:
            raise ConflictError("Conflict", "resourceVersion")
        return self._keep(key, body, metadata["uid"])

    def patch(self, key: Key, body: Object) -> Object:
        """A merge patch; with a resourceVersion it rests on that."""
        merged = self.get(key)
        _merge(merged, body)
        return self.replace(key, merged)

    def delete(self, key: Key, version: str = "") -> None:
        if version and self.get(key)["metadata"]["resourceVersion"] != version:
            raise ConflictError("Conflict", "resourceVersion")
        self.objects.pop(key, None)

    def _keep(self, key: Key, body: Object, uid: str) -> Object:
        self._count += 1
        kept = copy.deepcopy(body)
        kept["metadata"] |= {"uid": uid, "resourceVersion": str(self._count)}
        self.objects[key] = kept
        return copy.deepcopy(kept)


def _merge(into: Object, patch: Object) -> None:
    for name, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


class Request:
    """One request on its way: it may be served, and its answer may arrive, each at any time or never."""

    def __init__(self, work: Callable[[], Any], what: tuple[str, object] = ("", None)) -> None:
        """`what`: its verb, and the resource that it is about."""
        self._work, self.what = work, what
        self._served = False
        self._result: Any = None
        self._refusal: Exception | None = None
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def serve(self) -> None:
        """The server does what it was asked, once."""
        if self._served:
            return
        self._served = True
        try:
            self._result = self._work()
        except (RefusedError, OSError) as refusal:
            self._refusal = refusal

    def answer(self) -> None:
        self.serve()
        if self.future.done():
            return
        if self._refusal:
            self.future.set_exception(self._refusal)
        else:
            self.future.set_result(self._result)

    def lose(self) -> None:
        """Whoever waits gives up; the server may still hear of it."""
        if not self.future.done():
            self.future.set_exception(UnavailableError("no answer"))

    def serve_and_lose(self) -> None:
        self.serve()
        self.lose()


class Line:
    """What one controller sees of the server, in the shape of Api. `meet` is what becomes of each request."""

    def __init__(self, server: Server, namespace: str = "own") -> None:
        self.server, self.namespace = server, namespace
        self.requests: list[Request] = []
        self.meet: Callable[[Request], None] = Request.answer

    def lane(self, threads: int, timeout: float) -> Line:
        return self

    def meet_once(self, fault: Callable[[Request], None]) -> None:
        """The next request meets this, those after it go well."""

        def meet(request: Request) -> None:
            self.meet = Request.answer
            fault(request)

        self.meet = meet

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._ask("get", resource, lambda: self.server.get((resource, namespace, name)))

    async def list(
        self, resource: Resource, namespace: str = "", labels: str = "", **_: object
    ) -> tuple[list[Object], str]:
        return await self._ask("list", resource, lambda: (self.server.list(resource, namespace, labels), "1"))

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        return await self._ask(
            "create",
            resource,
            lambda: self.server.create((resource, namespace, body["metadata"]["name"]), body),
        )

    async def replace(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        return await self._ask(
            "replace", resource, lambda: self.server.replace((resource, namespace, name), body)
        )

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object) -> Object:
        return await self._ask(
            "patch", resource, lambda: self.server.patch((resource, namespace, name), body)
        )

    async def close(self) -> None:
        return

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str = "", version: str = ""
    ) -> None:
        try:
            await self._ask(
                "delete", resource, lambda: self.server.delete((resource, namespace, name), version)
            )
        except NotFoundError:
            return

    async def _ask(self, verb: str, resource: Resource, work: Callable[[], Any]) -> Any:
        request = Request(work, (verb, resource))
        self.requests.append(request)
        self.meet(request)
        return await request.future
