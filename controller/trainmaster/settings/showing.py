"""The groups of settings about what is shown of jobs beside their statuses. Never here: where they are read from."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Use(BaseModel):
    """What NodeManagers are asked about the memory and CPU that containers use; they measure it where
    yarn.nodemanager.container-metrics.period-ms is set."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    poll_interval: float = Field(default=30.0, ge=0.0)
    """seconds between an answer of a node and the next question to it, where our jobs have containers; longer where these are on
    more than 600 nodes. 0: nobody is asked"""


class Traces(BaseModel):
    """Where a trace of each run of a job is sent once it is over."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    endpoint: str = Field(default="", pattern=r"^(https?://[^/@\s?#]+(/[^\s?#]*)?)?$")
    """address of an OpenTelemetry collector that takes OTLP over HTTP, such as http://collector:4318; /v1/traces is added, as to
    OTEL_EXPORTER_OTLP_ENDPOINT. Empty: nothing is sent"""
    headers_file: Path | None = None
    """file with headers that it asks for, a line `name: value` each, such as a token; it is read again for each request"""


PLACES = re.compile(r"\{([^{}]*)\}")
"""in a link's address: what is put in there"""
KNOWN_PLACES = ("job", "namespace", "uid", "user", "queue", "application", "run", "trace")


class Link(BaseModel):
    """A link on the page of each job to where else something is told of it, such as MLflow, Weights & Biases or a log system."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=40)
    """what it is called on the page"""
    url: str = Field(pattern=r"^https?://[^/\s{}@?#]+([/?#]\S*)?$", max_length=2000)
    """its address. In it {job}, {namespace}, {uid}, {user}, {queue}, {application} (of YARN), {run} (runPolicy.rerun) and {trace}
    (its id, where traces are sent) stand for the job's own, escaped, and never for a part of the host. A link that needs
    what isn't known yet is left out"""

    @model_validator(mode="after")
    def _is_understood(self) -> Link:
        if unknown := sorted(set(PLACES.findall(self.url)) - set(KNOWN_PLACES)):
            known = ", ".join(f"{{{name}}}" for name in KNOWN_PLACES)
            raise ValueError(f"url: {{{unknown[0]}}} is none of {known}")
        if "{" in PLACES.sub("", self.url) or "}" in PLACES.sub("", self.url):
            raise ValueError("url: a brace is left over; write %7B or %7D for one that is meant")
        return self
