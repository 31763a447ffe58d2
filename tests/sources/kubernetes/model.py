"""A model of what the API server holds, gives in lists and tells in watches: for the pure parts that hear of it."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from typing import Any

from trainmaster.api.declared import Declared
from trainmaster.api.status import UNSEEN
from trainmaster.sources.kubernetes.book import EVERYWHERE, Book
from trainmaster.sources.kubernetes.objects import FINALIZER, Seen, seen_in
from trainmaster.sources.kubernetes.records import INSTALLATION

Document = dict[str, Any]
Event = tuple[str, Document]

OTHER = "example.com/other"
"""a finalizer that is not ours"""
BROKEN: Document = {"roles": {"worker": {"command": "true", "replica": 2}}}
"""a spec that can't be read"""
FINISHED = {"applicationId": "application_1_0001", "conditions": [{"type": "Finished", "status": "True"}]}
"""statuses"""
RUNNING = {"applicationId": "application_1_0001", "conditions": [{"type": "Finished", "status": "False"}]}


def spec(command: str = "python train.py", **more: Any) -> Document:
    return {"roles": {"worker": {"command": command}}, **more}


@dataclass
class Model:
    """Objects by namespace/name; each change has a new version, and is told as an event."""

    objects: dict[tuple[str, str], Document] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    version: int = 0
    _uids: Any = field(default_factory=itertools.count)

    def create(
        self, name: str = "mnist", namespace: str = "vision", *, held: bool = True, **fields: Any
    ) -> str:
        """The uid of a new object. `fields` are those beside the metadata."""
        uid = f"uid-{next(self._uids)}"
        metadata = {"name": name, "namespace": namespace, "uid": uid, "generation": 1}
        if held:
            metadata["finalizers"] = [FINALIZER]
        # As the definition's default has it (apiextensions-apiserver's defaulting, at each write of a request).
        self.objects[namespace, name] = {
            "metadata": metadata,
            "spec": spec(),
            "status": dict(UNSEEN),
            **fields,
        }
        self._told("ADDED", namespace, name)
        return uid

    def edit(self, name: str = "mnist", namespace: str = "vision", **fields: Any) -> None:
        """Another spec is another generation; another status is not."""
        found = self.objects[namespace, name]
        found["metadata"]["generation"] += "spec" in fields
        found.update(fields)
        self._told("MODIFIED", namespace, name)

    def finalizers(self, *names: str, name: str = "mnist", namespace: str = "vision") -> None:
        found = self.objects[namespace, name]
        found["metadata"]["finalizers"] = list(names)
        self._told("MODIFIED", namespace, name)
        if not names and "deletionTimestamp" in found["metadata"]:
            self._remove(namespace, name)

    def name_controller(self, installation: str, name: str = "mnist", namespace: str = "vision") -> None:
        """Say on the object who drives it; nobody where that is empty."""
        metadata = self.objects[namespace, name]["metadata"]
        metadata["annotations"] = {INSTALLATION: installation} if installation else {}
        self._told("MODIFIED", namespace, name)

    def delete(self, name: str = "mnist", namespace: str = "vision") -> None:
        found = self.objects[namespace, name]
        if found["metadata"].get("finalizers"):
            found["metadata"] |= {"deletionTimestamp": "2026-01-02T03:04:05Z"}
            self._told("MODIFIED", namespace, name)
        else:
            self._remove(namespace, name)

    def uid(self, name: str = "mnist", namespace: str = "vision") -> str:
        return str(self.objects[namespace, name]["metadata"]["uid"])

    def document(self, name: str = "mnist", namespace: str = "vision") -> Document:
        return copy.deepcopy(self.objects[namespace, name])

    def list(self, scope: str = EVERYWHERE) -> tuple[list[Document], str]:
        found = [each for (namespace, _), each in self.objects.items() if scope in (EVERYWHERE, namespace)]
        return copy.deepcopy(found), str(self.version)

    def _remove(self, namespace: str, name: str) -> None:
        self._told("DELETED", namespace, name)
        del self.objects[namespace, name]

    def _told(self, kind: str, namespace: str, name: str) -> None:
        self.version += 1
        found = self.objects[namespace, name]
        found["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((kind, copy.deepcopy(found)))


@dataclass
class Reader:
    """A book, and the model that it hears of."""

    model: Model = field(default_factory=Model)
    book: Book = field(default_factory=lambda: Book("kubernetes", lambda namespace: f"{namespace}-user"))

    def hear(self) -> bool:
        """All events so far, in order; whether one of them was news for the engine."""
        events, self.model.events[:] = list(self.model.events), []
        heard = [self.hear_of(event) for event in events]
        return any(heard)

    def hear_of(self, event: Event) -> bool:
        kind, document = event
        if kind == "DELETED":
            return self.book.note_gone(document["metadata"]["uid"])
        return self.book.note(self.read(document))

    def list(self, scope: str = EVERYWHERE) -> None:
        """A complete list, asked for and answered at once."""
        self.take_list(self.model.list(scope), self.book.step, scope)

    def take_list(self, answer: tuple[list[Document], str], begun: int, scope: str = EVERYWHERE) -> None:
        documents, version = answer
        self.book.note_list(scope, [self.read(document) for document in documents], version, begun)

    def read(self, document: Document) -> Seen:
        return seen_in(document, self.book.seen(document["metadata"]["uid"]))

    def only(self) -> Declared:
        """The one thing that the engine is told."""
        (declared,) = self.book.picture().values()
        return declared
