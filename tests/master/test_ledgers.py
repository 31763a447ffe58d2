"""The shell's small ledgers: identities, asks, ports, the line for gangs, places for admissions, points, records."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.errors import InvalidError
from trainmaster.master.admissions import Admissions
from trainmaster.master.asking import difference, table
from trainmaster.master.codec import decode, encode
from trainmaster.master.identity import read_request_id, request_id
from trainmaster.master.ports import Ports
from trainmaster.plan.memory import ApplicationMemory, Key, Memory, ReplicaMemory
from trainmaster.plan.values import Ask, Size

SIZE = Size(128, 1)


def ask(index: int, run: int = 1, host: str = "") -> Ask:
    return Ask(Key("worker", index), run, 0, SIZE, host)


# --- identity


@given(role=st.integers(0, 255), index=st.integers(0, 2**24 - 1), run=st.integers(0, 2**31 - 1))
def test_a_request_id_is_read_back(role: int, index: int, run: int) -> None:
    number = request_id(role, index, run)
    assert 0 <= number < 2**63, "Java's long is signed"
    assert read_request_id(number, {"r": role}) == (Key("r", index), run)


def test_a_request_id_of_an_unknown_role_has_no_place() -> None:
    assert read_request_id(request_id(3, 0, 1), {"worker": 0}) == (None, 1)


# --- asks


def test_only_what_differs_is_said() -> None:
    stands = table([ask(0), ask(1)])
    wanted = table([ask(1), ask(2)])
    lines = difference(stands, wanted, {})
    assert [(line.allocation_request_id >> 31, line.count) for line in lines] == [(0, 0), (2, 1)]
    assert difference(wanted, wanted, {}) == ()


def test_a_host_is_asked_for_with_its_rack_and_the_bare_line() -> None:
    lines = difference({}, table([ask(0, host="n1")]), {"n1": "/r1"})
    assert [line.where for line in lines] == ["n1", "/r1", "*"]


def test_dropping_the_host_takes_back_host_and_rack_and_leaves_the_bare_line() -> None:
    stands, wanted = table([ask(0, host="n1")]), table([ask(0)])
    lines = difference(stands, wanted, {"n1": "/r1"})
    assert sorted((line.where, line.count) for line in lines) == [("*", 1), ("/r1", 0), ("n1", 0)]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3)), max_size=6),
)
def test_the_lines_bring_any_table_to_any_other(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    stands, wanted = table(ask(*x) for x in a), table(ask(*x) for x in b)
    at_yarn = dict.fromkeys(stands, 1) | {
        line.allocation_request_id: line.count for line in difference(stands, wanted, {})
    }
    assert {number for number, count in at_yarn.items() if count} == set(wanted)


# --- ports


def bound(uid: str, host: str, *ports: int) -> Memory:
    return Memory(
        uid, "ns", uid, replicas=(ReplicaMemory(Key("w", 0), container="c", host=host, ports=ports),)
    )


def test_ports_of_other_jobs_are_seen_and_ones_own_are_not() -> None:
    ledger = Ports()
    ledger.note(bound("a", "n1", 1, 2))
    ledger.note(bound("b", "n1", 3))
    assert ledger.of_others("a")["n1"] == {3}
    assert ledger.of_others("b")["n1"] == {1, 2}


def test_ports_are_free_again_when_let_go_or_forgotten() -> None:
    ledger = Ports()
    ledger.note(bound("a", "n1", 1, 2))
    ledger.note(bound("a", "n1", 2))
    assert ledger.of_others("b")["n1"] == {2}
    ledger.forget("a")
    assert ledger.of_others("b")["n1"] == frozenset()


# --- admissions


async def test_users_take_turns() -> None:
    places, served = Admissions(1), []

    async def admit(user: str, name: str) -> None:
        async with places.place(user):
            served.append(name)
            await asyncio.sleep(0)

    flood = [asyncio.create_task(admit("flood", f"f{i}")) for i in range(10)]
    await asyncio.sleep(0)
    await asyncio.gather(*flood, admit("other", "o"))
    assert served.index("o") <= 3, "a flood of one user's jobs delays no other's"


async def test_a_place_that_is_given_up_while_waiting_is_not_lost() -> None:
    places = Admissions(1)
    async with places.place("a"):
        waiter = asyncio.create_task(_hold(places))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
    async with asyncio.timeout(1), places.place("b"):
        pass


async def _hold(places: Admissions) -> None:
    async with places.place("x"):
        await asyncio.sleep(0)


# --- records


def test_a_memory_survives_its_record() -> None:
    memory = bound("a", "n1", 7)
    full = Memory(
        **{
            **{f: getattr(memory, f) for f in memory.__dataclass_fields__},
            "since": {"Running": ("True", 3.0)},
            "started_at": 2.0,
        },
    )
    read = decode(encode(full))
    assert read == full
    assert read.since == {"Running": ("True", 3.0)}
    assert read.started_at == 2.0


def test_a_broken_record_is_refused_without_its_contents() -> None:
    record = encode(Memory("u", "n", "j", application=ApplicationMemory("app", token="c2VjcmV0")))
    with pytest.raises(InvalidError) as refused:
        decode(record.replace(b'"n"', b"7"))
    assert "c2VjcmV0" not in str(refused.value)
    assert "namespace" in str(refused.value)
