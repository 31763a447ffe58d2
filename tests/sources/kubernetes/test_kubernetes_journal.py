"""The journal in Secrets: whole, private, fenced, and tolerant of what people and the network do to it."""

from __future__ import annotations

import asyncio
import base64
import json
import random

import pytest

from sources.kubernetes.line import Key, Line, Request, Server
from trainmaster.errors import FencedError, InvalidError, UnavailableError
from trainmaster.master import journalled
from trainmaster.master.codec import encode
from trainmaster.plan.memory import ApplicationMemory, Memory, ReplicaMemory
from trainmaster.plan.memory import Key as Replica
from trainmaster.sources.kubernetes.api import SECRETS, NotFoundError
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.records import packed, unpacked

UID = "0b1f3a52-6d0c-4a4e-9a3f-5e7d9c1b2a33"
TOKEN = "dG9rZW4tb2YtdGhlLW1hc3Rlcg=="


class Lead:
    """A lease as the test says."""

    superseded = False

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.answers = [True]

    def held(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Leader:
    """One controller: its line, its lease, its journal."""

    def __init__(self, server: Server, epoch: int = 1) -> None:
        self.line, self.lead = Line(server), Lead(epoch)
        self.journal = KubernetesJournal(self.line, "trainmaster", self.lead)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def old(server: Server) -> Leader:
    return Leader(server, epoch=1)


@pytest.fixture
def new(server: Server) -> Leader:
    """Who leads after `old`."""
    return Leader(server, epoch=2)


def record(text: str, uid: str = UID) -> bytes:
    return encode(Memory(uid, "vision", "mnist", document=text))


def key(uid: str = UID) -> Key:
    return SECRETS, "own", f"trainmaster-journal-{uid}"


def stored(server: Server, uid: str = UID) -> bytes:
    return unpacked(server.get(key(uid)))


async def test_what_is_written_is_loaded(old: Leader) -> None:
    assert await old.journal.load() == {}
    await old.journal.write("u1", b'{"a": 1}')
    await old.journal.write("u2", b"[]")
    await old.journal.write("u1", b'{"a": 2}')
    assert await old.journal.load() == {"u1": b'{"a": 2}', "u2": b"[]"}
    await old.journal.remove("u1")
    await old.journal.remove("u1")
    await old.journal.remove("u3")
    assert await old.journal.load() == {"u2": b"[]"}


async def test_a_write_is_one_request(old: Leader) -> None:
    for text in ("first", "second", "third"):
        await old.journal.write(UID, record(text))
    assert len(old.line.requests) == 3


async def test_people_can_tell_whose_a_record_is(old: Leader, server: Server) -> None:
    await old.journal.write(UID, record("a"))
    secret = server.get(key())
    assert secret["type"] == "trainmaster.io/journal"
    assert secret["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "trainmaster",
        "app.kubernetes.io/instance": "trainmaster",
        "trainmaster.io/uid": UID,
    }
    assert secret["metadata"]["annotations"] == {
        "trainmaster.io/namespace": "vision",
        "trainmaster.io/name": "mnist",
        "trainmaster.io/epoch": "1",
    }
    assert await old.journal.names() == {UID: ("vision", "mnist")}
    assert await old.journal.newest_epoch() == 1


async def test_installations_in_one_namespace_see_their_own_records(old: Leader) -> None:
    await old.journal.write(UID, record("a"))
    other = KubernetesJournal(old.line, "other", old.lead)
    assert await other.load() == {}
    assert await other.newest_epoch() == 0


async def test_a_backup_under_another_name_is_no_record(old: Leader, server: Server) -> None:
    await old.journal.write(UID, record("new"))
    backup = server.get(key()) | packed("trainmaster", UID, 1, record("old"))
    backup["metadata"]["name"] = "my-backup"
    server.create((SECRETS, "own", "my-backup"), backup)
    assert await old.journal.load() == {UID: record("new")}
    assert list(await old.journal.names()) == [UID]


# --- broken, lost and too large


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"record": "no base64!"},
        {"record": base64.b64encode(b"nothing compressed").decode()},
        {"record": packed("trainmaster", UID, 1, b"[1, 2, 3]")["data"]["record"][:-8]},
    ],
)
async def test_a_broken_record_is_kept_and_its_job_is_not_begun_anew(
    old: Leader, server: Server, caplog: pytest.LogCaptureFixture, data: object
) -> None:
    await old.journal.write("u1", record("fine", "u1"))
    await old.journal.write(UID, record("broken soon"))
    server.replace(key(), server.get(key()) | {"data": data})

    class Source:
        journal, lease = old.journal, old.lead

    found = await journalled.load(Source())
    assert list(found.memories) == ["u1"]
    assert found.unreadable == {UID: ("vision", "mnist")}
    assert f"trainmaster-journal-{UID} is broken" in caplog.text
    assert server.get(key())["data"] == data
    await old.journal.remove(UID)
    assert list(await old.journal.load()) == ["u1"]


async def test_a_record_that_somebody_deleted_is_written_anew(old: Leader, server: Server) -> None:
    await old.journal.write(UID, record("1"))
    server.delete(key())
    await old.journal.write(UID, record("2"))
    assert stored(server) == record("2")


async def test_a_record_that_somebody_put_back_is_replaced(old: Leader, server: Server) -> None:
    await old.journal.write(UID, record("1"))
    backup = server.get(key())
    server.delete(key())
    server.create(key(), backup)
    await old.journal.write(UID, record("2"))
    assert stored(server) == record("2")


async def test_a_namespace_that_is_gone_is_told(old: Leader) -> None:
    def gone(request: Request) -> None:
        request.future.set_exception(NotFoundError("NotFound", "namespace own"))

    old.line.meet = gone
    with pytest.raises(NotFoundError, match="namespace own"):
        await old.journal.write(UID, record("1"))


def many(replicas: int) -> bytes:
    """A record of that many replicas, each on a host of its own."""
    chance = random.Random(7)

    def one(index: int) -> ReplicaMemory:
        host = f"node{chance.randrange(10**6):06d}.example.org"
        container = f"container_e17_1763850000123_{chance.randrange(9999):04d}_01_{index:06d}"
        return ReplicaMemory(
            Replica("worker", index), 3, container, f"{host}:45454", f"{host}:8042", (20000 + index % 9999,),
            1763850000.0 + index, host=host, previous=container,
        )  # fmt: skip

    return encode(Memory(UID, "vision", "huge", replicas=tuple(one(i) for i in range(replicas))))


async def test_five_thousand_replicas_fit(old: Leader) -> None:
    await old.journal.write(UID, many(5000))
    assert await old.journal.load() == {UID: many(5000)}


async def test_what_does_not_fit_is_told_with_its_size(old: Leader, server: Server) -> None:
    noise = random.Random(7).randbytes(1 << 20).hex()
    with pytest.raises(InvalidError, match=r"vision/mnist has 1,\d{3},\d{3} bytes"):
        await old.journal.write(UID, record(noise))
    assert server.objects == {}


@pytest.mark.parametrize("uid", ["", "../x", "Upper", "a/b", "-a", "x" * 64])
async def test_a_uid_fits_in_a_name(old: Leader, uid: str) -> None:
    with pytest.raises(InvalidError):
        await old.journal.write(uid, b"{}")


async def test_the_token_is_in_no_word_about_a_record(old: Leader, caplog: pytest.LogCaptureFixture) -> None:
    application = ApplicationMemory("application_1_1", token=TOKEN)
    await old.journal.write(UID, encode(Memory(UID, "vision", "mnist", application=application)))
    old.line.meet = Request.lose
    with pytest.raises(UnavailableError) as caught:
        await old.journal.write(UID, encode(Memory(UID, "vision", "mnist", application=application)))
    assert TOKEN not in f"{caught.value!r}{caplog.text}{old.journal!r}"
    assert TOKEN not in json.dumps(old.line.server.get(key()))


# --- fencing


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
