"""The lives of processes that are over: who ran where, from when to when, and how it ended. People are shown them; no decision
reads them.

They are read off two memories, the one before a decision and the one after it, so that no step that lets a container go need
think of them. The newest are kept, in the job's record: who takes the job up shows them as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from trainmaster.plan.ends import Life
from trainmaster.plan.memory import Memory, ReplicaMemory, replace

MOST = 100
"""lives of one job that are kept: some 20 KB of its record"""


def with_past(before: Memory, after: Memory, now: float) -> Memory:
    """The memory after a decision, with the lives that it ended, and what was heard since of the end of earlier ones."""
    if after.replicas is before.replicas:
        return after
    known = {replica.key: replica for replica in after.replicas}
    pairs = [(was, known.get(was.key)) for was in before.replicas if known.get(was.key) is not was]
    over = [life for was, now_ in pairs if (life := _over(was, now_, now))]
    told = dict(chain.from_iterable(_told(was, now_) for was, now_ in pairs if now_))
    if not over and not told:
        return after
    lives = (*(_with_end(life, told) for life in after.lives), *over)
    return after if lives == after.lives else replace(after, lives=lives[-MOST:])


def _over(was: ReplicaMemory, now_: ReplicaMemory | None, now: float) -> Life | None:
    """What of this replica isn't there any more; None where it is, or never was."""
    if not was.bound or (now_ is not None and (now_.container, now_.process) == (was.container, was.process)):
        return None
    last = now_.last_exit if now_ else None
    mine = last if last and last is not was.last_exit and last.container == was.container else None
    return Life(
        role=was.key.role,
        index=was.key.index,
        run=was.run,
        process=was.process,
        container=was.container,
        host=was.host,
        http=was.http,
        began=was.bound_at,
        ended=mine.at if mine else now,
        code=mine.code if mine else None,
        cause=mine.cause.value if mine else "",
    )


def _told(was: ReplicaMemory, now_: ReplicaMemory) -> Iterator[tuple[str, ReplicaMemory]]:
    """A late end, of a container that was let go before."""
    if now_.last_exit and now_.last_exit is not was.last_exit:
        yield now_.last_exit.container, now_


def _with_end(life: Life, told: dict[str, ReplicaMemory]) -> Life:
    replica = told.get(life.container)
    if replica is None or replica.last_exit is None or life.code is not None:
        return life
    last = replica.last_exit
    return replace(life, ended=last.at, code=last.code, cause=last.cause.value)
