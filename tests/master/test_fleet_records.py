"""Journal records that can't be read: their jobs are never begun anew, can be ended, and go on once the record is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from master.controllers import controller
from master.folder import Folder
from master.office import job
from master.virtual import run, until, virtual
from trainmaster.hadoop.values import ApplicationState
from trainmaster.master.codec import Nameplate, decode, nameplate_of
from trainmaster.master.fleet import Fleet
from yarn.wires import Yarn

BROKEN = {
    "cut off": lambda record: record[: record.index(b"role_numbers")],
    "of another version": lambda record: record.replace(b'"generation":1', b'"generation":"one"'),
    "of a newer version": lambda record: record.replace(b'"version":1', b'"version":3'),
    "with an odd byte": lambda record: record.replace(b'"queued_at"', b'"queued_\xff"\x00'),
}


EXPIRY = 900
"""seconds after which YARN gives up a silent master"""
SAID = {"of a newer version": "is of version 3, which a newer controller wrote (this one reads 2)"}


@asynccontextmanager
async def broken(folder: Folder, yarn: Yarn, how: str) -> AsyncIterator[tuple[Fleet, bytes]]:
    """A controller that takes two running jobs over, of which the record of one can't be read; and how that record was."""
    for uid in ("a", "b"):
        folder.put(uid, job(worker=1, policy={"backoffLimit": 9}))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 2)
        await asyncio.sleep(40)
    folder.lease.ours = True
    good = folder.journal.records["a"]
    folder.journal.records["a"] = BROKEN[how](good.replace(b'"uid":"a"', b'"uid":"a","generation":1'))
    async with controller(folder, yarn) as ours:
        await until(lambda: len(ours.picture().jobs) == 2)
        yield ours, good


@pytest.mark.parametrize("how", BROKEN)
def test_it_is_refused_with_a_sentence_and_never_begun_anew(how: str) -> None:
    run(lambda: _refused(how))


async def _refused(how: str) -> None:
    folder, yarn = Folder(), Yarn()
    async with broken(folder, yarn, how):
        record = folder.journal.records["a"]
        assert folder.adopted == {"a": ("default", "a"), "b": ("default", "b")}
        await until(lambda: folder.shown["a"].state == "Refused")
        await asyncio.sleep(200)
        assert len(yarn.applications) == 2
        assert SAID.get(how, "record in the journal can't be read") in folder.shown["a"].conditions[0].message
        assert folder.journal.records["a"] == record, "somebody may restore it"


@pytest.mark.parametrize("how", BROKEN)
def test_it_is_kept_alive_and_its_end_is_left_for_whoever_can_read_the_record(how: str) -> None:
    run(lambda: _kept(how))


async def _kept(how: str) -> None:
    folder, yarn = Folder(), Yarn()
    async with broken(folder, yarn, how) as (_, good):
        lost = decode(good).replicas[0].container
        await asyncio.sleep(100)
        yarn.exits(lost, 41)
        await asyncio.sleep(3 * EXPIRY)
        assert not any(a.state.over for a in yarn.applications.values())
        assert len(yarn.running()) == 1, "nothing is started in its place"
        folder.journal.records["a"] = good
        await until(lambda: len(yarn.running()) == 2, within=200)
        restored = decode(folder.journal.records["a"])
        assert (restored.charged, restored.replicas[0].last_exit.code) == (1, 41)


@virtual
async def test_it_is_kept_alive_through_a_restart_of_the_resourcemanager_and_left_alone_once_it_is_over() -> (
    None
):
    folder, yarn = Folder(), Yarn()
    async with broken(folder, yarn, "of a newer version"):
        await asyncio.sleep(100)
        yarn.restart()
        await asyncio.sleep(3 * EXPIRY)
        assert len(yarn.running()) == 2
        yarn.fail(next(iter(yarn.applications.values())))
        await asyncio.sleep(100)
        calls = yarn.calls["register"], yarn.calls["report"]
        await asyncio.sleep(300)
        assert (yarn.calls["register"], yarn.calls["report"]) == calls


@virtual
async def test_a_record_of_before_there_were_versions_is_read() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    async with controller(folder, yarn):
        await until(lambda: len(yarn.running()) == 1)
        await asyncio.sleep(40)
    folder.lease.ours = True
    record = folder.journal.records["a"]
    assert record.startswith(b'{"version":1,"uid":"a",')
    folder.journal.records["a"] = record.replace(b'"version":1,', b"")
    async with controller(folder, yarn):
        await asyncio.sleep(60)
        assert (len(yarn.applications), len(yarn.running())) == (1, 1)
        assert folder.shown["a"].conditions[0].status == "True"


@pytest.mark.parametrize("how", BROKEN)
def test_its_deletion_ends_the_application_that_the_record_still_names(how: str) -> None:
    run(lambda: _deleted(how))


async def _deleted(how: str) -> None:
    folder, yarn = Folder(), Yarn()
    async with broken(folder, yarn, how):
        folder.jobs["a"] = replace(folder.jobs["a"], deleted=True)
        await until(lambda: "a" not in folder.jobs)
        assert "a" not in folder.journal.records
        assert [a.state for a in yarn.applications.values()].count(ApplicationState.KILLED) == 1
        folder.put("a", job(worker=1))
        await until(lambda: len(yarn.applications) == 3)


@virtual
async def test_it_goes_on_as_it_was_once_the_record_is_restored() -> None:
    folder, yarn = Folder(), Yarn()
    async with broken(folder, yarn, "cut off") as (ours, good):
        await until(lambda: folder.shown["a"].state == "Refused")
        registers = yarn.calls["register"]
        folder.journal.records["a"] = good
        await until(lambda: yarn.calls["register"] == registers + 1)
        await asyncio.sleep(30)
        assert len(yarn.applications) == 2
        assert len(yarn.running()) == 2
        assert folder.shown["a"].conditions[0].status == "True"
        assert ours.picture().beats["a"][0] > 0
        assert ours.picture().jobs["a"] is ours._masters["a"].shown, "nothing is made anew for a picture"


@virtual
async def test_a_record_of_nothing_refuses_the_job_that_the_source_knows_by_its_uid() -> None:
    folder, yarn = Folder(), Yarn()
    folder.put("a", job(worker=1))
    folder.journal.records["a"] = b""
    async with controller(folder, yarn):
        await until(lambda: "a" in folder.shown)
        await asyncio.sleep(60)
        assert folder.shown["a"].state == "Refused"
        assert not yarn.applications


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"", Nameplate()),
        (b"\x00\xff", Nameplate()),
        (b'{"uid":"u","namespace":"vision","name":"mn', Nameplate("vision")),
        (b'{"namespace": "vision", "name": "mnist"}', Nameplate("vision", "mnist")),
        (
            b'{"namespace":"v","name":"m","document":"{\\"name\\":\\"x\\"}","application":{"id":"application_1_0002","token":"t"',
            Nameplate("v", "m", "application_1_0002", token="t"),
        ),
        (b'{"version":7,"namespace":"v","name":"m"}', Nameplate("v", "m", version=7)),
        (
            b'{"namespace":"v","name":"m","application":{"id":"application_1_2","user":"alice"},"generation":"x"}',
            Nameplate("v", "m", "application_1_2", "alice"),
        ),
    ],
)
def test_whose_a_broken_record_is_as_far_as_it_tells(record: bytes, said: Nameplate) -> None:
    assert nameplate_of(record) == said


def test_a_nameplate_tells_no_token() -> None:
    assert "secret" not in repr(Nameplate(token="secret"))
