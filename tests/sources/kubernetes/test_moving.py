"""Jobs are handed over to another installation: whenever it breaks off, nobody drives them twice, and the next try ends well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sources.kubernetes.line import Line, Request, Server
from trainmaster.errors import NoSuchJobError, RefusedError, TrainmasterError
from trainmaster.master.codec import encode
from trainmaster.plan.memory import Memory
from trainmaster.sources.kubernetes import installation
from trainmaster.sources.kubernetes.api import LEASES, SECRETS, TRAININGJOBS
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.lease import KubernetesLease
from trainmaster.sources.kubernetes.moving import Side, adopt, adopt_abandoned
from trainmaster.sources.kubernetes.records import INSTALLATION, packed

THEIRS, OURS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
DURATION = 1.0
"""seconds: on no machine does a step take so long; waited for only where a lease could not be given back"""
NAMES = {"u1": "mnist", "u2": "other"}


class Nobody:
    """Who only reads."""

    epoch = 0

    def held(self) -> bool:
        return False


@dataclass
class World:
    """Two installations, `old` with two jobs that have records and one that has ended without; `new` may have an identity."""

    renames: bool = False
    server: Server = field(default_factory=Server)

    def __post_init__(self) -> None:
        self._create("old", installation.secret("release", THEIRS))
        if not self.renames:
            self._create("new", installation.secret("release", OURS))
        for uid, name in NAMES.items():
            self._create("old", packed("release", uid, 7, encode(Memory(uid, "vision", name)), THEIRS))
            self._object(name, uid)
        self._object("ended", "u3")
        for namespace in ("old", "new"):
            lease = {"metadata": {"name": "release"}, "spec": {"holderIdentity": "", "leaseTransitions": 7}}
            self.server.create((LEASES, namespace, "release"), lease)

    def _create(self, namespace: str, secret: dict[str, object]) -> None:
        self.server.create((SECRETS, namespace, secret["metadata"]["name"]), secret)

    def _object(self, name: str, uid: str) -> None:
        metadata = {
            "namespace": "vision",
            "name": name,
            "annotations": {INSTALLATION: THEIRS, "note": "kept"},
        }
        self.server.create((TRAININGJOBS, "vision", name), {"metadata": metadata})
        self.server.objects[TRAININGJOBS, "vision", name]["metadata"]["uid"] = uid

    @property
    def after(self) -> str:
        return THEIRS if self.renames else OURS

    async def hand_over(
        self, *jobs: str, at: int = 10**6, fault: Callable[[Request], None] = Request.answer
    ) -> int:
        """How many requests it took; the one with that number meets the fault."""
        count = 0

        def meet(request: Request) -> None:
            nonlocal count
            count += 1
            fault(request) if count == at else request.answer()

        lines = Line(self.server, "old"), Line(self.server, "new")
        for line in lines:
            line.meet = meet
        sides = [Side(line, "release", DURATION) for line in lines]
        await adopt(*sides, [("vision", job) for job in jobs], lambda _: None)
        return count

    async def records(self, namespace: str) -> set[str]:
        """uids that a controller of that namespace would take up."""
        journal = KubernetesJournal(Line(self.server, namespace), "release", Nobody())
        return set(await journal.load())

    def drivers(self) -> dict[str, str]:
        found = self.server.list(TRAININGJOBS, "vision", "")
        return {each["metadata"]["name"]: each["metadata"]["annotations"][INSTALLATION] for each in found}


async def test_all_jobs_are_handed_over_with_their_records() -> None:
    world = World()
    await world.hand_over()
    assert (await world.records("old"), await world.records("new")) == (set(), set(NAMES))
    assert set(world.drivers().values()) == {OURS}
    kept = world.server.get((SECRETS, "new", "release-journal-u1"))["metadata"]["annotations"]
    assert kept[INSTALLATION] == OURS
    note = world.server.get((TRAININGJOBS, "vision", "mnist"))["metadata"]["annotations"]["note"]
    assert note == "kept"


async def test_single_jobs_are_handed_over_and_the_others_stay() -> None:
    world = World()
    await world.hand_over("mnist")
    assert (await world.records("old"), await world.records("new")) == ({"u2"}, {"u1"})
    assert world.drivers() == {"mnist": OURS, "other": THEIRS, "ended": THEIRS}
    with pytest.raises(NoSuchJobError, match="vision/nobody"):
        await world.hand_over("nobody")


async def test_a_release_that_is_renamed_keeps_its_identity_and_nothing_is_written_on_objects() -> None:
    world = World(renames=True)
    before = world.server.get((TRAININGJOBS, "vision", "mnist"))
    await world.hand_over()
    assert world.server.get((TRAININGJOBS, "vision", "mnist")) == before
    assert installation.identity_of(world.server.get((SECRETS, "new", "release-installation"))) == THEIRS
    assert (SECRETS, "old", "release-installation") not in world.server.objects
    assert (await world.records("old"), await world.records("new")) == (set(), set(NAMES))


@pytest.mark.parametrize("renames", [False, True])
@pytest.mark.parametrize("fault", [Request.lose, Request.serve_and_lose])
async def test_wherever_it_breaks_off_nobody_drives_a_job_twice_and_the_next_try_ends_well(
    renames: bool, fault: Callable[[Request], None]
) -> None:
    whole = await World(renames).hand_over()
    for at in range(1, whole + 1):
        world = World(renames)
        with contextlib.suppress(TrainmasterError):
            await world.hand_over(at=at, fault=fault)
        both = await world.records("old") & await world.records("new")
        assert not both, f"after request {at} both would take up {both}"
        try:
            await world.hand_over()
        except NoSuchJobError:  # the last request had been served
            assert renames
        assert (await world.records("old"), await world.records("new")) == (set(), set(NAMES)), at
        assert set(world.drivers().values()) == {world.after}, at


async def test_nothing_is_handed_over_while_a_controller_leads() -> None:
    world = World()
    lease = world.server.objects[LEASES, "old", "release"]
    lease["spec"]["holderIdentity"] = "pod-a"

    def renewed(request: Request) -> None:
        key = LEASES, "old", "release"
        world.server.replace(key, world.server.get(key))
        request.answer()

    old, new = Line(world.server, "old"), Line(world.server, "new")
    old.meet = renewed
    with pytest.raises(RefusedError, match="pod-a"):
        await adopt(Side(old, "release", DURATION), Side(new, "release", DURATION), [], lambda _: None)
    assert await world.records("old") == set(NAMES)
    assert set(world.drivers().values()) == {THEIRS}


async def test_a_leader_stands_still_while_jobs_are_handed_over_by_force_and_leads_again_after() -> None:
    world = World()

    async def epoch(above: int) -> int:
        return max(above, 7) + 1

    leader = KubernetesLease(Line(world.server, "old"), "release", DURATION, epoch)
    led_meanwhile: list[str] = []
    while not await leader.acquire():
        await asyncio.sleep(DURATION / 10)

    async def leads() -> None:
        while True:
            await leader.acquire()
            await asyncio.sleep(DURATION / 10)

    beating = asyncio.create_task(leads())
    sides = [Side(Line(world.server, namespace), "release", DURATION) for namespace in ("old", "new")]
    said = lambda words: led_meanwhile.append(words) if leader.held() else None  # noqa: E731
    await adopt(*sides, [], said, by_force=True)
    assert led_meanwhile == []
    assert (await world.records("old"), await world.records("new")) == (set(), set(NAMES))
    while not leader.held():
        await asyncio.sleep(DURATION / 10)
    beating.cancel()


async def test_objects_of_an_installation_that_is_gone_get_a_new_name() -> None:
    world = World()
    await adopt_abandoned(THEIRS, Side(Line(world.server, "new"), "release", DURATION), [], lambda _: None)
    assert set(world.drivers().values()) == {OURS}


async def test_an_identity_that_somebody_deleted_is_found_in_the_records_again() -> None:
    world = World()
    world.server.delete((SECRETS, "old", "release-installation"))
    assert await installation.Installation(Line(world.server, "old"), "release").find() == THEIRS
    fresh = installation.Installation(Line(Server(), "own"), "release")
    assert len({await fresh.find(), await fresh.find()}) == 1


async def test_of_two_replicas_that_start_at_once_both_find_the_same_identity() -> None:
    server = Server()
    first, second = (installation.Installation(Line(server, "own"), "release") for _ in range(2))
    assert await first.find() == await second.find()
