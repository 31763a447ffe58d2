"""A job vision/mnist in a store, and statuses that are written beside it as a controller would."""

from __future__ import annotations

from pathlib import Path

from observe.pictures import status
from trainmaster.api.declared import Declared
from trainmaster.api.status import JobStatus
from trainmaster.sources import shown

YAML = """\
# the digits
apiVersion: trainmaster.io/v1alpha1
kind: TrainingJob
metadata: {name: mnist, namespace: vision}
spec:
  framework: TensorFlow
  queue: gpu
  roles:
    ps: {command: python train.py --role ps}
    worker: {replicas: 2, command: python train.py}   # two are enough
"""


def declared(store: Path) -> Path:
    (found,) = [path for path in (store / "jobs").rglob("*.yaml") if not path.name.startswith(".")]
    return found


def publish(store: Path, seen: JobStatus, created: float = 0.0) -> None:
    """What a controller would write."""
    path = declared(store).relative_to(store / "jobs")
    target = store / "status" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    job = Declared("folder", "vision", "mnist", "uid-1", str(path), "alice", created=created)
    target.write_bytes(shown.to_bytes(job, seen))


def seen(state: str, **fields: object) -> JobStatus:
    values = {
        "workers_summary": "2/2",
        "restarts": 1,
        "application_id": "application_1_0001",
        "observed_generation": 1,
    }
    return status(state, **(values | fields))
