"""A whole decision in one log line: what the job is now, and how much is to be done. Only what isn't nothing is named."""

from __future__ import annotations

from collections import Counter

from trainmaster.plan.values import Plan


def summary(plan: Plan) -> dict[str, str | int]:
    """Fields of the line, such as state=Starting bound=4 asks=0 start=4."""
    memory = plan.memory
    numbers = {
        "generation": memory.generation,
        "bound": sum(r.bound for r in memory.replicas),
        "done": sum(r.done for r in memory.replicas),
        "charged": memory.charged,
        "asks": len(plan.asks),
        **Counter(type(action).__name__.lower() for action in plan.actions),
    }
    return {"state": plan.status.state, **{name: number for name, number in numbers.items() if number}}
