"""In which stages a job's roles run, as their startAfter says: asked by rules, by what is told to processes, and by the engine.

A stage is what may be gathered together. A role that others want to have succeeded is a preparation: all of a stage is over, and
its containers are given back, before the next is asked for. So no job holds containers while it waits for others. Pure; also of
a declaration that breaks the rules, since what runs by one must be ended all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trainmaster.api.job import Spec
from trainmaster.api.once import once_each
from trainmaster.api.words import When


@once_each
def preparations(spec: Spec) -> frozenset[str]:
    """The roles that other roles want to have succeeded before they start."""
    return frozenset(
        after.role
        for role in spec.roles.values()
        for after in role.start_after
        if after.when is When.SUCCEEDED and after.role in spec.roles
    )


@once_each
def stages(spec: Spec) -> Mapping[str, int]:
    """The number of each role's stage, from 0."""
    found = dict.fromkeys(spec.roles, 0)
    if not preparations(spec):
        return found
    for _ in spec.roles:  # as often as the longest way that isn't a circle has steps
        for name, role in spec.roles.items():
            later = (found[a.role] + (a.when is When.SUCCEEDED) for a in role.start_after if a.role in found)
            found[name] = max((found[name], *later))
    places = {number: at for at, number in enumerate(sorted(set(found.values())))}
    return {name: places[number] for name, number in found.items()}


@once_each
def by_stage(spec: Spec) -> Sequence[tuple[str, ...]]:
    """The roles of each stage, in the order in which stages run."""
    numbers = stages(spec)
    count = max(numbers.values(), default=0) + 1
    return [tuple(name for name, own in numbers.items() if own == number) for number in range(count)]


def done_over(spec: Spec, changed: Collection[str]) -> frozenset[str]:
    """The roles that are to run again once these have changed: they themselves, all that come after them, what must run meanwhile
    for one of these, and the last stage."""
    found, numbers = set(changed), stages(spec)
    last = max(numbers.values(), default=0)
    found |= {name for name, number in numbers.items() if number == last}
    for _ in spec.roles:
        for name, role in spec.roles.items():
            for after in role.start_after:
                if after.role in found:
                    found.add(name)
                elif name in found and after.when is not When.SUCCEEDED:
                    found.add(after.role)
    return frozenset(found)


def holds_back(spec: Spec) -> bool:
    """Whether some role has its containers and is started later than others."""
    return any(after.when is not When.SUCCEEDED for role in spec.roles.values() for after in role.start_after)
