"""A job's declaration as people are shown it: as it was written, with all that may be secret hidden. Pure.

Values of variables are hidden whatever their names; in all other texts what looks like a secret (api/hiding.py).
"""

from __future__ import annotations

from typing import Any

import yaml

from trainmaster.api.hiding import HIDDEN, without_secrets
from trainmaster.api.job import TrainingJob


def shown(job: TrainingJob) -> str:
    """The spec as YAML."""
    spec = job.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return str(yaml.safe_dump(_hidden(spec), sort_keys=False, allow_unicode=True, width=120))


def _hidden(part: Any, variables: bool = False) -> Any:
    """A part of the spec without its secrets. Of `variables` no value is shown."""
    if isinstance(part, str):
        return without_secrets(part)
    if isinstance(part, list):
        return [_hidden(each, variables) for each in part]
    if isinstance(part, dict):
        kept = {name: _hidden(value, name in ("env", "template")) for name, value in part.items()}
        return {**kept, "value": HIDDEN} if variables and "valueFrom" not in part else kept
    return part
