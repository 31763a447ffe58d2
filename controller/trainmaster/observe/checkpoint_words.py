"""What is said of a job's newest checkpoint, and of its model, to a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainmaster.api.checkpoint_status import CheckpointStatus, SavedModelStatus


def checkpoint_words(checkpoint: CheckpointStatus | None) -> str:
    """`hdfs:///models/mnist/ckpt-400, step 400, written at 2026-05-01T12:00:00Z`; empty where none is known."""
    if checkpoint is None:
        return ""
    step = f"step {checkpoint.step}, " if checkpoint.step is not None else ""
    return f"{checkpoint.path}, {step}written at {checkpoint.time}"


def saved_model_words(model: SavedModelStatus | None) -> str:
    """`3 files, 1.2 MiB, published at 2026-05-01T12:00:00Z`; empty where none is known."""
    if model is None:
        return ""
    published = (
        f"published at {model.published_at}" if model.published_at else "not published (no newer _SUCCESS)"
    )
    return f"{model.files} {'file' if model.files == 1 else 'files'}, {_size(model.size)}, {published}"


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
