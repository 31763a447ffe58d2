"""Builders of stored jobs, and a store whose answers are scripted."""

from __future__ import annotations

from collections.abc import Sequence

from observe.pictures import condition, job, status
from trainmaster.api.status import ConditionType, JobStatus
from trainmaster.errors import TrainmasterError
from trainmaster.sources.store import StoredJob

NOW = 1_750_000_000.0


def stored(state: str | None = "Running", **fields: object) -> StoredJob:
    """A job vision/mnist as the store has it; `state` None for one that no controller has seen."""
    values: dict[str, object] = {
        "path": "vision/mnist.yaml",
        "text": "",
        "namespace": "vision",
        "name": "mnist",
        "job": job(),
        "problems": (),
        "status": status(state, workers_summary="2/2", observed_generation=1) if state else None,
        "uid": "uid-1",
        "generation": 1,
        "mtime": NOW - 90,
        "owner": "alice",
    }
    return StoredJob(**(values | fields))  # type: ignore[arg-type]  # a builder: tests name single fields


def with_status(state: str, **fields: object) -> StoredJob:
    return stored(status=status(state, observed_generation=1, **fields))


def refused(message: str) -> JobStatus:
    said = condition(ConditionType.ACCEPTED, "NeverFits", message, status="False")
    return JobStatus(state="Refused", conditions=(said,), observed_generation=1)


class ScriptedStore:
    """Answers one look after the other; the last answer stays. An error in the script is raised."""

    def __init__(self, *looks: StoredJob | TrainmasterError | None) -> None:
        self._looks = list(looks)
        self.deleted: list[tuple[str, str]] = []

    def list(self, namespace: str | None = None) -> Sequence[StoredJob]:
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(look, TrainmasterError):
            raise look
        return [look] if look is not None else []

    def get(self, namespace: str, name: str) -> StoredJob:
        (found,) = self.list(namespace)
        return found

    def find(self, namespace: str, name: str) -> StoredJob | None:
        return next(iter(self.list(namespace)), None)

    def delete(self, namespace: str, name: str) -> StoredJob:
        self.deleted.append((namespace, name))
        self._looks = [None]
        return stored()

    def is_gone(self, namespace: str, name: str, last: StoredJob | None) -> bool:
        assert last
        assert last.path == "vision/mnist.yaml"
        return (namespace, name) == ("vision", "mnist") and bool(self.deleted)
