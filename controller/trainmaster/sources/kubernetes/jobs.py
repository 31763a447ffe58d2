"""The TrainingJobs of an API server for the command line, as whoever the kubeconfig says: declared, changed and looked at.

Synchronous, since a command does one thing: calls run in a loop of their own thread, and so also beside a running loop. What a
command sets has a field manager of its own, so that the API server itself tells who would undo what. Never here: what only a
controller may do (finalizers, statuses, events).
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from trainmaster.api.documents import declared_in
from trainmaster.api.job import API_VERSION, KIND
from trainmaster.errors import InvalidError, NoStoreError, NoSuchJobError, RefusedError, UnavailableError
from trainmaster.sources.editing import Changes
from trainmaster.sources.judged import agree, valid
from trainmaster.sources.kubernetes.api import APPLY, TRAININGJOBS, Api, ConflictError, NotFoundError, Object
from trainmaster.sources.kubernetes.conflicts import APPLIER, manager, undone
from trainmaster.sources.kubernetes.errors import BrokenRuleError
from trainmaster.sources.kubernetes.history import history
from trainmaster.sources.kubernetes.seeing import OTHERS, as_text, declaration, roles, stored
from trainmaster.sources.stored import Applied, Past, StoredJob

T = TypeVar("T")

_ATTEMPTS = 5
"""times that an object is read again in one change: somebody who keeps changing it is no reason to go on for ever"""


class KubernetesJobs:
    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    def namespace(self) -> str:
        return self._api.connection.namespace

    @property
    def place(self) -> str:
        return self._api.connection.cluster

    @property
    def scope(self) -> str:
        server = str(self._api.connection.configuration.host)
        return f"@{hashlib.sha256(server.encode()).hexdigest()[:12]}/"

    @property
    def is_there(self) -> bool:
        return True

    def make(self, controller: str) -> None:
        """It is always there."""

    # --- reading

    def list(self, namespace: str | None = None) -> list[StoredJob]:
        """All jobs, of one namespace or of all, by namespace and name."""
        found, _ = self._ask(self._api.list(TRAININGJOBS, namespace or ""), namespace or "", "", within=True)
        return sorted(map(self._stored, found), key=lambda job: (job.namespace, job.name))

    def get(self, namespace: str, name: str) -> StoredJob:
        """One job. NoSuchJobError when there is none."""
        return self._stored(self._object(namespace, name))

    def find(self, namespace: str, name: str) -> StoredJob | None:
        """The job, or None when the API server was asked and has none."""
        try:
            return self.get(namespace, name)
        except NoSuchJobError:
            return None

    def past(self, namespace: str, name: str) -> Past:
        """Its Events, also of a job that was deleted, and what its last status adds to them."""
        try:
            return self._ask(history(self._api, namespace, name), namespace, name)
        except NoSuchJobError as error:
            raise self._missing(namespace, name) from error

    def is_gone(self, namespace: str, name: str, last: StoredJob | None) -> bool:
        """Whether the object is gone: its finalizer holds it until nothing of the job is left on YARN."""
        found = self.find(namespace, name)
        return found is None or (last is not None and found.uid != last.uid)

    # --- changing

    def apply(
        self, text: str, namespace: str = "", name: str = "", force: bool = False, dry: bool = False
    ) -> Applied:
        """Server-side apply of what the text says."""
        before, after = self._apply(text, namespace, name, force, dry)
        identity = after["metadata"]["namespace"], after["metadata"]["name"]
        if before is None:
            return Applied("created", *identity, self.place)
        if declaration(_whole(before)) == declaration(after):
            return Applied("unchanged", *identity, self.place)
        return Applied("configured", *identity, self.place, before)

    def compared(self, text: str, namespace: str = "", name: str = "") -> tuple[str, str]:
        """As YAML, with the defaults that the API server fills in; what commands set is taken over, to be seen."""
        before, after = self._apply(text, namespace, name, force=True, dry=True)
        return as_text(_whole(before)) if before else "", as_text(after)

    def _apply(
        self, text: str, namespace: str, name: str, force: bool, dry: bool
    ) -> tuple[StoredJob | None, Object]:
        """The job as it was, and the object as it is then."""
        wanted = valid(text, f"{namespace or self.namespace}/{name or 'job'}.yaml")
        agree("namespace", namespace, wanted.namespace)
        agree("name", name, wanted.name)
        before = self.find(*wanted.identity)
        if before and "deletionTimestamp" in _whole(before)["metadata"]:
            raise InvalidError(
                f"{wanted.name} is being deleted: wait until it is gone (`trainmaster wait {wanted.name} -n {wanted.namespace}"
                " --for=delete`), then apply it again"
            )
        body = _object_of(declared_in(text), *wanted.identity)
        patch = self._api.patch(
            TRAININGJOBS, *wanted.identity, body, kind=APPLY, force=force, manager=APPLIER, dry=dry
        )
        try:
            return before, self._ask(patch, *wanted.identity, within=True)
        except ConflictError as error:
            if before is None or not error.causes:
                raise
            raise InvalidError(undone(error.causes, _whole(before), body)) from error

    def edit(self, namespace: str, name: str, changes: Changes, by: str = "") -> StoredJob:
        """Set single fields, whoever owned them."""
        return self._stored(self._patch(namespace, name, _merge(changes), by))

    def delete(self, namespace: str, name: str, now: bool = False) -> StoredJob:
        """Delete the object that there is now; `now` then takes all time to end in from its processes.

        In this order: who may not delete it changes nothing of a job that goes on. Where the API server refuses the second, it is
        deleted all the same, and InvalidError says so; UnavailableError where that isn't known.
        """
        job = self.get(namespace, name)
        self._ask(self._api.delete(TRAININGJOBS, namespace, name, job.uid), namespace, name)
        if now:
            self._hurry(job)
        return job

    def _hurry(self, job: StoredJob) -> None:
        """What is being deleted may still be changed: its finalizer holds it until nothing of it is left."""
        changes: Changes = {("spec", "roles", role, "terminationGracePeriod"): "0s" for role in roles(job)}
        told = f"{job.namespace}/{job.name} is being deleted, but"
        try:
            self._patch(job.namespace, job.name, _merge(changes) | {"metadata": {"uid": job.uid}}, "delete")
        except NoSuchJobError:
            return  # nothing was left of it
        except UnavailableError as error:
            raise UnavailableError(
                f"{told} whether its processes keep their time isn't known: {error}"
            ) from error
        except (InvalidError, RefusedError) as error:
            if not self.is_gone(job.namespace, job.name, job):  # another one may have its name already
                raise InvalidError(f"{told} its processes keep their time: {error}") from error

    def rerun(self, namespace: str, name: str) -> int:
        """In one patch, which rests on the object that was seen to be finished."""
        for _ in range(_ATTEMPTS):
            job = self.get(namespace, name)
            number = job.next_rerun
            changes: Changes = {("spec", "runPolicy", "rerun"): number}
            if job.job and job.job.spec.run_policy.suspend:
                changes = {**changes, ("spec", "runPolicy", "suspend"): False}
            version = {"metadata": {"resourceVersion": _whole(job)["metadata"]["resourceVersion"]}}
            try:
                self._patch(namespace, name, _merge(changes) | version, "rerun")
            except ConflictError:
                continue
            return number
        raise UnavailableError(f"{namespace}/{name} keeps changing while it is to run again")

    # --- asking

    def _object(self, namespace: str, name: str) -> Object:
        return self._ask(self._api.get(TRAININGJOBS, namespace, name), namespace, name)

    def _patch(self, namespace: str, name: str, body: Object, by: str) -> Object:
        patch = self._api.patch(TRAININGJOBS, namespace, name, body, manager=manager(by))
        return self._ask(patch, namespace, name)

    def _stored(self, document: Object) -> StoredJob:
        return stored(document, self.place)

    def _ask(self, call: Coroutine[Any, Any, T], namespace: str, name: str, *, within: bool = False) -> T:
        """The answer. What isn't there is told as what the person named: the job, or the namespace `within` which it asked."""
        try:
            return asyncio.run_coroutine_threadsafe(call, _loop()).result()
        except NotFoundError as error:
            if error.kind != "NotFound":  # no object in the answer: not even the path is known
                raise NoStoreError(
                    f"there are no TrainingJobs in the {self.place}: trainmaster isn't installed there (docs/kubernetes.md)"
                ) from error
            if within:
                raise InvalidError(f"there is no namespace {namespace} in the {self.place}") from error
            raise self._missing(namespace, name) from error
        except BrokenRuleError as error:
            raise InvalidError(_broken(error)) from error
        except RefusedError as error:
            if error.kind == "BadRequest":  # a field that the definition, of an older version, doesn't know
                raise InvalidError(error.message) from error
            raise

    def _missing(self, namespace: str, name: str) -> NoSuchJobError:
        return NoSuchJobError(f"there is no job {namespace}/{name} in the {self.place}")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for the whole process, which ends with it."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="api server", daemon=True).start()
    return loop


def _object_of(document: dict[str, Any], namespace: str, name: str) -> Object:
    """What is applied: the author's alone, also where an object was printed that others have written on."""
    metadata = {**(document.get("metadata") or {}), "namespace": namespace, "name": name}
    if notes := metadata.pop("annotations", None):
        metadata["annotations"] = {key: note for key, note in notes.items() if key not in OTHERS}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": document.get("spec")}


def _merge(changes: Changes) -> Object:
    """A merge patch that sets these fields."""
    patch: Object = {}
    for (*above, last), value in changes.items():
        node = patch
        for step in above:
            node = node.setdefault(str(step), {})
        node[str(last)] = value
    return patch


def _whole(job: StoredJob) -> Object:
    """The object that it was made of."""
    assert job.object is not None
    return dict(job.object)


def _broken(error: BrokenRuleError) -> str:
    """By field, as `validate` says it."""
    causes = (f"{cause.field}: {cause.message.removeprefix('Forbidden: ')}" for cause in error.causes)
    return "; ".join(causes) or error.message
