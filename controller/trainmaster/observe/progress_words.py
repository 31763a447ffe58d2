"""How far a training is, in a few words for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainmaster.api.progress_status import ProgressStatus


def progress_words(progress: ProgressStatus | None) -> str:
    """`step 400 of 1000 (40 %), 2.5 steps/s, until 2026-05-01T12:00:00Z`; empty where nothing is told."""
    if progress is None:
        return ""
    words = [short_words(progress)]
    if progress.steps_per_second:
        words.append(f"{progress.steps_per_second:g} steps/s")
    if progress.estimated_completion_time:
        words.append(f"until {progress.estimated_completion_time}")
    return ", ".join(words)


def short_words(progress: ProgressStatus) -> str:
    if not progress.total:
        return f"step {progress.step}"
    return f"step {progress.step} of {progress.total} ({progress.step / progress.total:.0%})".replace(
        "%", " %"
    )


def slow_words(progress: ProgressStatus | None) -> str:
    """Who is slow, and where; empty where nobody is."""
    return ", ".join(
        f"{s.role}-{s.index} on {s.node} ({s.steps_per_second:g} steps/s, best {s.best_steps_per_second:g})"
        for s in (progress.stragglers if progress else ())
    )
