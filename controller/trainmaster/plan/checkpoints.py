"""The newest checkpoint of a job in its memory: what was found is kept, for nobody looks once all is over. Pure.

Never here: looking for it, or what a checkpoint is (frameworks/checkpoints.py).
"""

from __future__ import annotations

from trainmaster.plan.case import Case, Change
from trainmaster.plan.memory import Memory, replace


def note_checkpoint(case: Case, memory: Memory) -> Change:
    """Keep what was found last, and nothing that isn't below the path of today or isn't there any more."""
    path, look, newest = _bare(case.job.spec.checkpoint_path), case.seen.checkpoint, memory.checkpoint
    if look is not None and _bare(look.path) == path:
        newest = look.newest
    elif newest is not None and newest.path.rpartition("/")[0] != path:
        newest = None
    return Change(memory if newest == memory.checkpoint else replace(memory, checkpoint=newest))


def _bare(url: str) -> str:
    return url.rstrip("/")
