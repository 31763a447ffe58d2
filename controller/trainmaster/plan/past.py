"""The lives of processes that are over: who ran where, from when to when, and how it ended. People are shown them; no decision
reads them.

They are read off two memories, the one before a decision and the one after it, so that no step that lets a container go need
think of them. The newest are kept, in the job's record: who takes the job up shows them as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from trainmaster.plan.ends import LastExit, Life
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
    lives = _with_ends((*after.lives, *over), told)
    return after if lives == after.lives else replace(after, lives=lives[-MOST:])


def _over(was: ReplicaMemory, now_: ReplicaMemory | None, now: float) -> Life | None:
    """What of this replica isn't there any more; None where it is, or never was."""
    if not was.bound or (now_ is not None and (now_.container, now_.process) == (was.container, was.process)):
        return None
    last = now_.last_exit if now_ else None
    mine = last if last and last is not was.last_exit and last.container == was.container else None
    return _ended(life_of(was), mine) if mine else replace(life_of(was), ended=now)


def life_of(replica: ReplicaMemory) -> Life:
    """That of the process in its container, which isn't over."""
    return Life(
        role=replica.key.role,
        index=replica.key.index,
        run=replica.run,
        process=replica.process,
        container=replica.container,
        host=replica.host,
        http=replica.http,
        began=replica.bound_at,
    )


def _ended(life: Life, last: LastExit) -> Life:
    return replace(life, ended=last.at, code=last.code, cause=last.cause.value)


def _told(was: ReplicaMemory, now_: ReplicaMemory) -> Iterator[tuple[str, LastExit]]:
    """A late end, of a container that was let go before."""
    if now_.last_exit and now_.last_exit is not was.last_exit:
        yield now_.last_exit.container, now_.last_exit


def _with_ends(lives: tuple[Life, ...], told: dict[str, LastExit]) -> tuple[Life, ...]:
    """A container ends with the last of the processes that it had: the others ended before, and nobody was told how."""
    newest = {life.container: at for at, life in enumerate(lives)} if told else {}
    return tuple(
        _ended(life, told[life.container])
        if life.container in told and newest[life.container] == at and life.code is None
        else life
        for at, life in enumerate(lives)
    )
