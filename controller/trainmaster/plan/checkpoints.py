"""The newest checkpoint of a job in its memory: what was found is kept, for nobody looks once all is over. Pure.

Never here: looking for it, or what a checkpoint is (frameworks/checkpoints.py).
"""

from __future__ import annotations

from trainmaster.plan.case import Case, Change
from trainmaster.plan.memory import Memory, replace


def note_checkpoint(case: Case, memory: Memory) -> Change:
    """Keep what was found last."""
    found = case.seen.checkpoint
    if found is None or found == memory.checkpoint:
        return Change(memory)
    return Change(replace(memory, checkpoint=found))
