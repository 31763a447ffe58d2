"""When a job whose file is not there counts as deleted. Pure: states and one look in, the next states out.

Not seen is not gone: only complete listings that missed the file for the whole grace make it deleted, and never many at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from trainmaster.sources.sightings import Identity, JobState, Look

FEW = 5
"""this many files may always vanish together without anybody being asked"""

States = dict[Identity, JobState]


def counted(states: Mapping[Identity, JobState], look: Look, present: Set[Identity], grace: float) -> States:
    """The states after a look that found the files of `present`."""
    after = {
        identity: state if identity in present else _absent(state, look) for identity, state in states.items()
    }
    return _deleted(_held_back(after), look, grace)


def _absent(state: JobState, look: Look) -> JobState:
    since = state.missing_since
    if look.may_hide(state.record.path, state.record.owner):
        since = None
    elif since is None:
        since = look.now
    return state if since == state.missing_since else replace(state, missing_since=since)


def _held_back(states: States) -> States:
    """Many files that vanish together are a broken store more often than a wish."""
    missing = [identity for identity, state in states.items() if state.is_missing]
    known = sum(not state.deleting for state in states.values())
    if len(missing) <= FEW or 2 * len(missing) <= known:
        return states
    held = {
        identity: replace(states[identity], held=True) for identity in missing if not states[identity].held
    }
    return states | held


def _deleted(states: States, look: Look, grace: float) -> States:
    return {
        identity: replace(state, deleting=True, held=False) if _is_over(state, look, grace) else state
        for identity, state in states.items()
    }


def _is_over(state: JobState, look: Look, grace: float) -> bool:
    if not state.is_missing or state.missing_since is None:
        return False
    return look.confirmed if state.held else look.now - state.missing_since >= grace
