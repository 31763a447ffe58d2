"""Sizes and times as people write them: Kubernetes quantities of bytes, and durations such as 30s, 5m or 1h30m."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def parse_memory(value: object) -> object:
    """MiB from a Kubernetes quantity of bytes (4G, 512Mi, 1.5Gi, a plain number of bytes), rounded up.

    Raises ValueError with the sentence for the user.
    """
    raise ValueError(f"not a size: {value!r}")


def parse_duration(value: object) -> object:
    """Seconds from `30s`, `5m`, `1h30m`, `2d`, or a plain number of seconds. Raises ValueError."""
    raise ValueError(f"not a duration: {value!r}")


Memory = Annotated[int, BeforeValidator(parse_memory), Field(ge=1)]
"""MiB"""
Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
"""seconds"""
