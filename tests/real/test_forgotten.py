"""Applications that the ResourceManager has forgotten: it keeps some that are over, and doesn't know older ones."""

from __future__ import annotations

import asyncio

import pytest

from real.cluster import of_its_own, until
from real.rooms import Room, eager
from trainer.ledger import Ledger, trainer_role
from trainmaster.api.status import ConditionType as C
from trainmaster.hadoop.configuration import read
from trainmaster.hadoop.resourcemanager import ResourceManager
from trainmaster.hadoop.values import ApplicationReport, Submission
from trainmaster.local.cluster import LocalHadoop
from trainmaster.local.options import Options

KEEPS = "yarn.resourcemanager.max-completed-applications"
FORGETFUL = Options(am_expiry=10, nm_expiry=20, hadoop={KEEPS: "1"})
"""what ran is in doubt for as long as YARN waits for a node, since no NodeManager tells of an application that is over"""


hadoop = of_its_own("forgetful", FORGETFUL)


@pytest.fixture(scope="module")
def kind() -> str:
    """The engine is the same for every source."""
    return "folder"


def report(hadoop: LocalHadoop, application: str) -> ApplicationReport | None:
    async def ask() -> ApplicationReport | None:
        rm = ResourceManager(read(hadoop.conf_dir, {}), "tester")
        try:
            return await rm.report(application)
        finally:
            await rm.close()

    return asyncio.run(ask())


def another_ends(hadoop: LocalHadoop) -> None:
    """An application of somebody else comes and goes."""

    async def come_and_go() -> None:
        rm = ResourceManager(read(hadoop.conf_dir, {}), "tester")
        id_ = (await rm.new_application()).id
        await rm.submit(Submission(id_, "another", "default"))
        while not await rm.kill(id_, "it was only to end"):
            await asyncio.sleep(0.1)
        await rm.close()

    asyncio.run(come_and_go())


def forgotten(hadoop: LocalHadoop, *applications: str) -> None:
    """Nobody speaks for them until YARN ends them, and others end after them."""
    for application in applications:
        until(lambda id_=application: (known := report(hadoop, id_)) is None or known.state.over)
    another_ends(hadoop)
    another_ends(hadoop)
    until(lambda: not any(report(hadoop, application) for application in applications))


def test_a_job_whose_application_is_forgotten_is_submitted_anew_and_one_that_is_deleted_goes(
    room: Room, ledger: Ledger, hadoop: LocalHadoop
) -> None:
    first, other = room.controller(), Ledger(ledger.folder / "gone")
    room.drop("lost", eager(worker=trainer_role(ledger.folder, 2, steps=100)))
    room.drop("gone", eager(worker=trainer_role(other.folder, 1, steps=1000)))
    old, deleted = (room.until_true(name, C.RUNNING).application_id for name in ("lost", "gone"))
    first.end()
    forgotten(hadoop, old, deleted)

    room.delete("gone")
    room.controller()
    status = room.until_true("lost", C.FINISHED, 120)

    assert status.is_true(C.SUCCEEDED)
    assert status.earlier_application_ids == (old,)
    assert status.restarts == 0, "YARN's loss is not the user's"
    assert ledger.twice() == []
    until(lambda: room.names() == ["lost"])
    assert other.running() == []
    assert len(other.starts()) == 1
