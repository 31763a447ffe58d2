"""The groups of settings about what is shown of jobs beside their statuses. Never here: where they are read from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Use(BaseModel):
    """What NodeManagers are asked about the memory and CPU that containers use; they measure it where
    yarn.nodemanager.container-metrics.period-ms is set."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    poll_interval: float = Field(default=30.0, ge=0.0)
    """seconds between an answer of a node and the next question to it, where our jobs have containers; longer where these are on
    more than 600 nodes. 0: nobody is asked"""
