"""The paths that commands may name, and how they are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from trainmaster.api.job import Spec

PLACEHOLDERS: Mapping[str, str] = {
    "%input_path%": "inputPath",
    "%checkpoint_path%": "checkpointPath",
    "%resume_from%": "resumeFrom",
    "%saved_model_path%": "savedModelPath",
}
"""placeholder -> wire name of the field that it stands for"""
_ANY = re.compile("|".join(PLACEHOLDERS))


def expand(command: str, spec: Spec) -> str:
    """The command with its placeholders replaced by the paths, exactly as they are written: nothing is quoted."""
    paths = values(spec)
    return _ANY.sub(lambda found: paths[found[0]], command)


def values(spec: Spec) -> Mapping[str, str]:
    """What each placeholder stands for in this job; empty where the job doesn't say."""
    paths = (spec.input_path, spec.checkpoint_path, spec.resume_from, spec.model_target)
    return dict(zip(PLACEHOLDERS, paths, strict=True))
