"""The part of a TrainingJob's status that tells of its checkpoints. Never here: looking for them."""

from __future__ import annotations

from trainmaster.api.base import Model, Time
from trainmaster.api.hiding import Said


class CheckpointStatus(Model):
    """The newest checkpoint below checkpointPath that didn't change between two looks. Looked for once a minute by default."""

    path: Said
    """The file or folder; of TensorFlow the beginning that its files have in common."""
    step: int | None = None
    """Step at which it was written; left out where its name doesn't tell it."""
    time: Time
    """When it was written, by the clock of its store; RFC 3339 in UTC."""
