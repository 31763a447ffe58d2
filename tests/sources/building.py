"""Job files, a clock that is moved by hand, and a source over a folder of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainmaster.api.declared import Declared
from trainmaster.api.status import Condition, ConditionType, JobStatus
from trainmaster.settings import Settings
from trainmaster.sources.folder import FolderSource

GRACE = 15.0
LEASE = 10.0
FINISHED = JobStatus(
    conditions=(
        Condition(
            type=ConditionType.FINISHED,
            status="True",
            reason="x",
            message="",
            last_transition_time="2026-01-01T00:00:00Z",
        ),
    )
)


class Clock:
    """A monotonic clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def job_text(name: str = "", namespace: str = "", command: str = "python train.py") -> str:
    """A valid job in YAML; without metadata when neither is given."""
    metadata = "".join(
        f"  {key}: {value}\n" for key, value in (("name", name), ("namespace", namespace)) if value
    )
    head = "apiVersion: trainmaster.io/v1alpha1\nkind: TrainingJob\n"
    return (
        head
        + (f"metadata:\n{metadata}" if metadata else "")
        + f"spec:\n  roles:\n    worker:\n      command: {command}\n"
    )


def put(root: Path, path: str, text: str | bytes) -> Path:
    """A file in the jobs folder, put there as careful people do: whole, by a rename."""
    target = root / "jobs" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    temporary.write_bytes(text if isinstance(text, bytes) else text.encode())
    temporary.rename(target)
    return target


def source(root: Path, clock: Clock | None = None) -> FolderSource:
    settings = Settings(deletion_grace=GRACE, lease_duration=LEASE)
    made = FolderSource(f"file://{root}", settings, clock or Clock())
    made._files.settle = 0.0
    return made


async def leading(root: Path, clock: Clock | None = None) -> FolderSource:
    """A source that has the lease, took over the journal and is ready to look."""
    made = source(root, clock)
    assert await made.lease.acquire()
    made.adopt({})
    return made


def only(picture: Mapping[str, Declared]) -> Declared:
    """The one job of a look."""
    assert len(picture) == 1, picture
    return next(iter(picture.values()))
