"""The newest checkpoint of a job, and its model, in its memory: what was found is kept, for nobody looks once all is over. Pure.

Never here: looking for them, or what a checkpoint is (frameworks/checkpoints.py).
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


def note_saved_model(case: Case, memory: Memory) -> Change:
    """Keep what a job that has succeeded was found to have left."""
    look = case.seen.saved_model
    succeeded = memory.verdict is not None and memory.verdict.succeeded
    if look is None or not succeeded or look.path != case.job.spec.saved_model_path:
        return Change(memory)
    return Change(memory if look.found == memory.saved_model else replace(memory, saved_model=look.found))


def _bare(url: str) -> str:
    return url.rstrip("/")
