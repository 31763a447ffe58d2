"""Links that a job declares for its page. Never here: where they lead while it runs (observe/job_links.py)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trainmaster.api.base import Model, Text

WEB_ADDRESS = (
    r"^https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#][!-~]*)?$"
)


class QuickLink(Model):
    """A link on the job's page, such as to a TensorBoard or a notebook that one of its processes serves."""

    name: Annotated[Text, Field(min_length=1, max_length=40)]
    """What it is called."""
    url: Annotated[str, Field(pattern=WEB_ADDRESS, max_length=2048)]
    """Its address. A host such as worker-0, of a role of the job and the index of a replica, stands for where that replica runs,
    and the link is shown while it does. What looks like a password or a token in it is hidden."""
    port: Annotated[Annotated[int, Field(strict=True, ge=1, le=16)] | None, Field()] = None
    """Which of the replica's own ports, from 1, it leads to. Left out: that in url, else the first."""
