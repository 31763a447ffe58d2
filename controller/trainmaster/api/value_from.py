"""Where a variable takes its value from instead of the declaration, so that no secret stands in it. Never here: looking it up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainmaster.api.base import Model, Text

OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
KEY_NAME = r"^[A-Za-z0-9._-]+$"


class KeyRef(Model):
    """One key of an object in the job's own namespace."""

    name: Annotated[str, Field(pattern=OBJECT_NAME, max_length=253)]
    """Name of the object."""
    key: Annotated[str, Field(pattern=KEY_NAME, max_length=253)]
    """Key in it, whose value must be text."""


class ValueFrom(Model):
    """Exactly one of its fields. What isn't there is waited for, and a new value reaches what starts next."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret, for jobs on Kubernetes. The controller's setting kubernetes.secret_namespaces names the namespace."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap, likewise."""
    file: Annotated[Text, Field(min_length=1, max_length=2048)] | None = None
    """URL of a file, such as hdfs:///user/alice/key: it belongs to the job's user, and nobody else may read it (chmod 400).
    YARN brings it to the process, as that user; the line's end at its end is no part of the value."""

    @property
    def given(self) -> int:
        """How many of the fields are."""
        return sum(each is not None for each in (self.secret_key_ref, self.config_map_key_ref, self.file))
