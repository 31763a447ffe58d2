"""The parts of a TrainingJob's status that tell of its checkpoints and its model. Never here: looking for them."""

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


class SavedModelStatus(Model):
    """What lies below savedModelPath since the job has succeeded. What begins with `_` or a dot isn't counted, as in Hadoop."""

    path: Said
    """The savedModelPath that was looked below."""
    files: int
    """Files below it, at whatever depth."""
    size: int
    """Bytes of them together."""
    published_at: Time | None = None
    """When the marker _SUCCESS was written there, by the clock of its store; RFC 3339 in UTC. Left out where there is none, or a
    file is newer than it: then nobody has said that the model is whole."""
