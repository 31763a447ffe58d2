"""Jobs that run by a declaration which this version of the program can't read, after a rollback for instance.

Whoever can't read what is to be run must neither start, restart nor judge anything of it, and still speaks for what runs: the
application is taken up and kept alive, ends are written down, and what is to end is ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.rules import LONGEST_GRACE
from trainmaster.json_text import loads
from trainmaster.plan.case import Case, Change
from trainmaster.plan.judge import judge
from trainmaster.plan.memory import Memory, changed
from trainmaster.plan.pending import lightened, news

GRACE = "terminationGracePeriod"
"""may be the longest there is where it can't be read: the process's own launcher knows it, and ends it then (master/launch.py)"""
TRIES = 20
"""times that what can't be read is taken out of a declaration: each field that is left may bring up the next"""


def why_unread(declared: Declared, memory: Memory) -> str:
    """The sentence for a person."""
    problem = declared.problems[0] if declared.problems else "it was written by another version"
    said = f"this version of the controller can't read the declaration ({problem})"
    kept = "what runs is kept alive, and nothing is started, restarted or judged until it can"
    return said if memory.verdict else f"{said}: {kept}"


def outline(memory: Memory) -> TrainingJob:
    """As much of the declaration as can be read; where not even its roles can, what memory knows of them.

    It serves to show and to end what runs, never to run anything.
    """
    read = _readable(memory.document)
    job = read if read and covers(read, memory) else _bare(memory)
    told = memory.application.priority if memory.application else job.spec.priority
    return job.model_copy(update={"spec": job.spec.model_copy(update={"priority": told})})


def covers(job: TrainingJob, memory: Memory) -> bool:
    """Whether it has every role that something is remembered of."""
    return all(replica.key.role in job.spec.roles for replica in memory.replicas)


def _readable(text: str) -> TrainingJob | None:
    try:
        document = loads(text)
    except ValueError:
        return None
    for _ in range(TRIES):
        try:
            return TrainingJob.model_validate(document)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            if not sum(_take_out(document, problem["loc"]) for problem in found):
                return None
    return None


def _take_out(value: Any, path: Sequence[int | str]) -> bool:
    """Remove what a problem is about: the deepest field of its path that there is. False where there is none."""
    for at, step in enumerate(path):
        if not isinstance(value, dict) or step not in value:
            return False
        below = value[step]
        if at + 1 == len(path) or not isinstance(below, dict) or path[at + 1] not in below:
            if step == GRACE and below != LONGEST_GRACE:
                value[step] = LONGEST_GRACE
            else:
                del value[step]
            return True
        value = below
    return False


def _bare(memory: Memory) -> TrainingJob:
    count = Counter(replica.key.role for replica in memory.replicas) or Counter({"worker": 1})
    roles = {
        role: {"replicas": n, "command": "-", "restartScope": "Job", GRACE: LONGEST_GRACE}
        for role, n in count.items()
    }  # all of them again rather than too few, once YARN has lost what they were
    metadata = {"name": memory.name, "namespace": memory.namespace}
    return TrainingJob.model_validate({"metadata": metadata, "spec": {"roles": roles}})


# --- ends


def take_note(case: Case, memory: Memory) -> Change:
    """The generation is seen, and that it can't be read is said of it."""
    return Change(changed(memory, observed_generation=case.declared.generation))


def hear_ends(case: Case, memory: Memory) -> Change:
    """Write down ends, so that YARN may forget them: what counts waits to be judged until the declaration can be read."""
    if memory.verdict or memory.closing_since:
        return judge(case, memory, case.seen.ends)
    bound = {replica.container for replica in memory.replicas if replica.bound}
    heard = (*memory.pending_ends, *news(memory, case.seen.ends))
    waiting = tuple(end for end in heard if end.container in bound)
    late = [end for end in heard if end.container not in bound]
    return judge(case, changed(memory, pending_ends=lightened(waiting)), late)
