"""What is said of a job's newest checkpoint to a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainmaster.api.checkpoint_status import CheckpointStatus


def checkpoint_words(checkpoint: CheckpointStatus | None) -> str:
    """`hdfs:///models/mnist/ckpt-400, step 400, written at 2026-05-01T12:00:00Z`; empty where none is known."""
    if checkpoint is None:
        return ""
    step = f"step {checkpoint.step}, " if checkpoint.step is not None else ""
    return f"{checkpoint.path}, {step}written at {checkpoint.time}"
