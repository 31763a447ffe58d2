"""What an old leader wrote, late or without hearing of it, undoes nothing of a newer one."""

from __future__ import annotations

import asyncio

import pytest

from sources.kubernetes.leaders import UID, Leader, key, record, stored
from sources.kubernetes.line import Request, Server
from trainmaster.errors import FencedError, UnavailableError


async def test_without_the_lease_nothing_changes(old: Leader, server: Server) -> None:
    await old.journal.write(UID, record("1"))
    old.lead.answers = [False]
    with pytest.raises(FencedError):
        await old.journal.write(UID, record("2"))
    with pytest.raises(FencedError):
        await old.journal.remove(UID)
    assert stored(server) == record("1")


async def test_a_write_that_ends_after_the_lease_counts_as_not_written(old: Leader) -> None:
    old.lead.answers = [True, True, False]
    with pytest.raises(FencedError):
        await old.journal.write(UID, record("1"))


async def test_a_write_that_ends_in_another_time_as_leader_counts_as_not_written(old: Leader) -> None:
    """In between, somebody else may have led and read the journal."""
    old.line.meet = lambda request: None
    writing = asyncio.ensure_future(old.journal.write(UID, record("1")))
    while not old.line.requests:
        await asyncio.sleep(0)
    old.lead.epoch = 3
    old.line.requests[0].answer()
    with pytest.raises(FencedError):
        await writing


@pytest.mark.parametrize("first_known", [True, False])
async def test_a_stalled_write_of_an_old_leader_replaces_no_newer_record(
    server: Server, old: Leader, new: Leader, first_known: bool
) -> None:
    if first_known:
        await old.journal.write(UID, record("1"))
    old.line.meet_once(Request.lose)
    with pytest.raises(UnavailableError):
        await old.journal.write(UID, record("stalled"))
    await new.journal.load()
    await new.journal.write(UID, record("new"))
    old.line.requests[-1].serve()
    assert stored(server) == record("new")


async def test_a_stalled_write_that_came_before_the_new_leaders_first_is_replaced(
    server: Server, old: Leader, new: Leader
) -> None:
    await old.journal.write(UID, record("1"))
    old.line.meet_once(Request.lose)
    with pytest.raises(UnavailableError):
        await old.journal.write(UID, record("stalled"))
    await new.journal.load()
    old.line.requests[-1].serve()
    assert stored(server) == record("stalled")
    await new.journal.write(UID, record("new"))
    assert stored(server) == record("new")


async def test_an_old_leader_that_believes_to_lead_is_fenced_by_a_newer_record(
    server: Server, old: Leader, new: Leader
) -> None:
    await old.journal.write(UID, record("1"))
    await new.journal.load()
    await new.journal.write(UID, record("new"))
    with pytest.raises(FencedError, match="later leader"):
        await old.journal.write(UID, record("2"))
    with pytest.raises(FencedError, match="later leader"):
        await old.journal.remove(UID)
    assert stored(server) == record("new")


async def test_a_stalled_removal_takes_no_newer_record(server: Server, old: Leader, new: Leader) -> None:
    await old.journal.write(UID, record("1"))
    old.line.meet_once(Request.lose)
    with pytest.raises(UnavailableError):
        await old.journal.remove(UID)
    await new.journal.load()
    await new.journal.write(UID, record("new"))
    old.line.requests[-1].serve()
    assert stored(server) == record("new")


async def test_a_record_that_changes_all_the_time_is_given_up(server: Server, old: Leader) -> None:
    await old.journal.write(UID, record("1"))

    def change_first(request: Request) -> None:
        server.replace(key(), server.get(key()))
        request.answer()

    old.line.meet = change_first
    with pytest.raises(UnavailableError, match="all the time"):
        await old.journal.write(UID, record("2"))
    with pytest.raises(UnavailableError, match="all the time"):
        await old.journal.remove(UID)
    old.line.meet = Request.answer
    await old.journal.write(UID, record("2"))
    assert stored(server) == record("2")


# --- lost answers


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("fault", [Request.lose, Request.serve_and_lose])
async def test_a_write_whose_answer_got_lost_is_mended_by_the_next(
    server: Server, old: Leader, known: bool, fault: object
) -> None:
    if known:
        await old.journal.write(UID, record("1"))
    old.line.meet_once(fault)
    with pytest.raises(UnavailableError):
        await old.journal.write(UID, record("2"))
    await old.journal.write(UID, record("3"))
    assert stored(server) == record("3")
    old.line.requests[1 if known else 0].serve()
    assert stored(server) == record("3")


@pytest.mark.parametrize("fault", [Request.lose, Request.serve_and_lose])
async def test_a_removal_whose_answer_got_lost_is_tried_again(
    server: Server, old: Leader, fault: object
) -> None:
    await old.journal.write(UID, record("1"))
    old.line.meet_once(fault)
    with pytest.raises(UnavailableError):
        await old.journal.remove(UID)
    await old.journal.remove(UID)
    assert server.objects == {}


async def test_one_write_of_a_record_at_a_time(server: Server, old: Leader) -> None:
    old.line.meet = lambda request: None
    first = asyncio.ensure_future(old.journal.write(UID, record("1")))
    while not old.line.requests:
        await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="earlier"):
        await old.journal.write(UID, record("2"))
    old.line.meet = Request.answer
    await old.journal.write("u2", record("2", "u2"))
    old.line.requests[0].answer()
    await first
    assert stored(server) == record("1")
    await old.journal.write(UID, record("2"))
    assert stored(server) == record("2")


async def test_a_write_that_was_broken_off_is_mended_by_the_next(server: Server, old: Leader) -> None:
    old.line.meet = lambda request: None
    first = asyncio.ensure_future(old.journal.write(UID, record("1")))
    while not old.line.requests:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    old.line.requests[0].serve()
    old.line.meet = Request.answer
    await old.journal.write(UID, record("2"))
    assert stored(server) == record("2")
