"""The identity of an installation, kept beside its journal: made once, and the same for all its controllers."""

from __future__ import annotations

import uuid

from trainmaster.errors import UnavailableError
from trainmaster.sources.files import Files, Still


def identity(files: Files, path: str, still: Still) -> str:
    """What the file says, or a new one that it says from now on. UnavailableError where it says something else."""
    try:
        return str(uuid.UUID(files.read_own(path, 100).decode().strip()))
    except FileNotFoundError:
        made = str(uuid.uuid4())
        files.replace_if(path, f"{made}\n".encode(), 0o644, still)
        return made
    except ValueError:
        raise UnavailableError(f"{files.base}{path} doesn't hold the identity of an installation") from None
