"""How long YARN waits is learnt while the controller works, and decisions follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from unittest.mock import patch

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import until, virtual
from trainmaster.errors import UnavailableError
from trainmaster.hadoop.configuration import NODE_EXPIRY, parse
from trainmaster.hadoop.expiry import Expiry
from trainmaster.master import expiry
from trainmaster.master.expiry import Expiries
from yarn.wires import Yarn

AWAY = UnavailableError("nobody there")


@asynccontextmanager
async def kept(*answers: Expiry | Exception) -> AsyncIterator[tuple[Expiries, list[Expiry]]]:
    """Asked for while the block lasts; the last answer comes again and again. Also what was told."""
    script, told = list(answers), list[Expiry]()

    async def find(*_: Any) -> Expiry:
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    with patch.object(expiry.expiry, "find", find):
        expiries = Expiries(parse({}), cast("Any", None))
        keeping = asyncio.create_task(expiries.keep(told.append))
        try:
            yield expiries, told
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


@virtual
async def test_it_is_asked_until_somebody_answers_and_again_now_and_then() -> None:
    first, second = Expiry(900.0, 600.0), Expiry(900.0, 60.0)
    async with kept(AWAY, AWAY, first, AWAY, second) as (expiries, told):
        assert expiries.known.application == 600.0, "until then the safer default holds"
        await until(lambda: told == [first])
        await asyncio.sleep(60)
        assert told == [first], "what was answered is not asked each minute"
        await until(lambda: told == [first, second], 600)
        assert expiries.known == second


@virtual
async def test_a_guess_is_complained_of_once() -> None:
    with patch.object(expiry.log, "warning") as warning:
        async with kept(Expiry(600.0, 600.0, (NODE_EXPIRY,))) as (_, told):
            await until(lambda: len(told) == 3, 3600)
    warning.assert_called_once()
    assert warning.call_args.kwargs["extra"] == {"settings": NODE_EXPIRY}


@virtual
async def test_decisions_and_metrics_take_what_was_learnt() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))

    async def find(*_: Any) -> Expiry:
        return Expiry(900.0, 60.0)

    with patch.object(expiry.expiry, "find", find):
        async with controller(folder, yarn) as ours:
            await until(yarn.running)
            assert ours.picture().expiry == 900.0
            assert ours._masters["a"].desk.limits.node_expiry == 60.0
