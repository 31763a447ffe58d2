"""What an edit of a field does to a job that runs: the markers that the model carries."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from pydantic import BaseModel, Field

EDIT_KEY = "x-trainmaster-edit"
"""name of the marker in the JSON schema; never part of the generated resource definition"""


class Edit(StrEnum):
    """What an edit of a field does to a job that runs. A field without a marker does as its parent does."""

    LIVE = "live"
    RESTART = "restart"
    IMMUTABLE = "immutable"


EDIT_LIVE = Field(json_schema_extra={EDIT_KEY: Edit.LIVE})
EDIT_RESTART = Field(json_schema_extra={EDIT_KEY: Edit.RESTART})
EDIT_IMMUTABLE = Field(json_schema_extra={EDIT_KEY: Edit.IMMUTABLE})


@cache
def marked(model: type[BaseModel], edit: Edit) -> frozenset[str]:
    """Names of the model's own fields that carry this marker."""
    return frozenset(
        name for name, field in model.model_fields.items() if _edit_of(field.json_schema_extra) == edit
    )


def _edit_of(extra: object) -> object:
    return extra.get(EDIT_KEY) if isinstance(extra, dict) else None
