"""Changes of single objects: each rests on what was seen of the object, and is tried again on what it has become.

Never here: which change is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from trainmaster.errors import RefusedError, UnavailableError
from trainmaster.sources.kubernetes import showing
from trainmaster.sources.kubernetes.api import JSON, TRAININGJOBS, Api, NotFoundError, Object
from trainmaster.sources.kubernetes.objects import Seen, digest

log = logging.getLogger(__name__)

_ATTEMPTS = 5
"""times that an object is read again in one write: somebody who keeps changing it is no reason to go on for ever"""
_CHANGED = ("Conflict", "Invalid")
"""how the API server refuses a patch that rests on something older; Invalid stands for a JSON patch's tests, and for more"""


class Writer:
    def __init__(
        self, statuses: Api, finalizers: Api, take: Callable[[Object], Seen], still: Callable[[], None]
    ) -> None:
        """`take` is given each object as a call brings it; `still` raises FencedError when we don't lead any more."""
        self._statuses, self._finalizers = statuses, finalizers
        self._take, self._still = take, still
        self._unshowable: dict[str, str] = {}
        """uid -> the version of the object that takes no status"""
        self._stands: dict[str, str] = {}
        """uid -> digest of the status that was shown on it last"""

    def forget(self, uid: str) -> None:
        self._unshowable.pop(uid, None)
        self._stands.pop(uid, None)

    def clear(self) -> None:
        """Nothing is known any more of what objects take."""
        self._unshowable.clear()
        self._stands.clear()

    def astray(self, seen: Callable[[str], Seen | None]) -> list[str]:
        """uids of objects that show something else than was shown on them last; `seen` gives one as it is now."""
        now = ((uid, seen(uid), stands) for uid, stands in self._stands.items())
        return [uid for uid, object_, stands in now if object_ and object_.shown != stands]

    async def show(self, seen: Seen, status: Object) -> None:
        """Let the object have that status, if it has another; done where it is gone."""
        now: Seen | None = seen
        for _ in range(_ATTEMPTS):
            self._still()
            if now is None or self._unshowable.get(now.uid) == now.version:
                return None
            if now.shown == digest(status):
                self._stands[now.uid] = now.shown
                return None
            try:
                return await self._patch_status(now, status)
            except NotFoundError:
                return None
            except RefusedError as error:
                now = await self._showable_since(now, error)
        raise UnavailableError(f"{seen.namespace}/{seen.name} keeps changing while its status is written")

    async def amend(self, seen: Seen, steps: Callable[[Seen], list[Object]]) -> None:
        """Patch the object's finalizers until nothing is left to do, or it is gone."""
        now: Seen | None = seen
        for _ in range(_ATTEMPTS):
            self._still()
            if now is None or not (body := steps(now)):
                return
            where = TRAININGJOBS, now.namespace, now.name
            try:
                self._take(await self._finalizers.patch(*where, body, kind=JSON))
            except NotFoundError:
                return
            except RefusedError as error:
                now = await self._since(now, error)
            else:
                return
        raise UnavailableError(f"{seen.namespace}/{seen.name} keeps changing while its finalizers are")

    async def _patch_status(self, seen: Seen, status: Object) -> None:
        where = TRAININGJOBS, seen.namespace, seen.name
        kind, body = showing.patch(seen, status)
        answer = await self._statuses.patch(*where, body, kind=kind, subresource="status")
        now = self._take(answer)
        if strange := showing.clearing(now, answer.get("status") or {}, status):
            now = self._take(await self._statuses.patch(*where, strange, kind=JSON, subresource="status"))
        # As the API server has it: it may have left out what its own definition doesn't know.
        self._stands[seen.uid] = now.shown

    async def _showable_since(self, seen: Seen, error: RefusedError) -> Seen | None:
        """The API server takes no status for an object whose spec breaks the definition: not before somebody mends it."""
        try:
            return await self._since(seen, error)
        except RefusedError as refused:
            if refused.kind != "Invalid":
                raise
            job = f"{seen.namespace}/{seen.name}"
            log.warning(
                "a status can't be shown until the object is mended", extra={"job": job, "error": str(error)}
            )
            self._unshowable[seen.uid] = seen.version
            return None

    async def _since(self, seen: Seen, error: RefusedError) -> Seen | None:
        """The object as it is now, after a patch that rested on what was seen of it was refused; None when it is gone.

        Raises the refusal again where nothing has changed: then it was no conflict.
        """
        if error.kind not in _CHANGED:
            raise error
        try:
            found = await self._statuses.get(TRAININGJOBS, seen.namespace, seen.name)
        except NotFoundError:
            return None
        if found["metadata"]["uid"] != seen.uid:
            return None
        now = self._take(found)
        if now.version == seen.version and error.kind == "Invalid":
            raise error
        return now
