"""The journal in Secrets: whole, private, fenced, and tolerant of what people and the network do to it."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sources.kubernetes.leaders import TOKEN, UID, Leader, key, record, stored
from sources.kubernetes.line import Request, Server
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.master import journalled
from trainmaster.master.codec import Nameplate, encode
from trainmaster.plan.memory import ApplicationMemory, Memory, ReplicaMemory
from trainmaster.plan.memory import Key as Replica
from trainmaster.sources.kubernetes.api import SECRETS, NotFoundError
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.records import packed


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
    assert found.unreadable == {UID: Nameplate("vision", "mnist")}
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


async def test_a_write_waits_for_no_work_of_others(old: Leader) -> None:
    """Whatever hangs in the loop's own few threads, such as a look-up of a name, makes no record wait."""
    loop, go = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    hanging = asyncio.create_task(asyncio.to_thread(go.wait, 60))
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(50):
            await old.journal.write(UID, record("a"))
            assert await old.journal.load() == {UID: record("a")}
            assert await old.journal.read(UID) == record("a")
    finally:
        go.set()
        await hanging
    assert await old.journal.read("u9") is None
