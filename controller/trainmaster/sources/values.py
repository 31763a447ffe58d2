"""Where jobs come from files there is no API server, so nothing but a file can hold a value for their variables."""

from __future__ import annotations

from collections.abc import Mapping

from trainmaster.errors import InvalidError


class WithoutObjects:
    """The part of a source that has neither Secrets nor ConfigMaps."""

    async def values(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        """There are none."""
        raise InvalidError(
            f"{kind} {namespace}/{name}: this controller takes its jobs from files and asks no API server; name a file of the "
            "user's in valueFrom.file"
        )
