"""Nodes that others call bad are left alone by all: once that is confirmed, while it is believed, and never too many."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.build import World, cluster, job
from trainmaster.errors import InvalidError
from trainmaster.plan.health import (
    KEPT,
    MOST,
    PART,
    CalledBad,
    Told,
    called_bad,
    garbled,
    of_document,
    of_query,
)

NOW = 1_000_000.0
HOSTS = tuple(f"n{i}" for i in range(20))


def told(*answers: Mapping[str, str], step: float = 30.0) -> Told:
    """What is known after these answers, one each half minute."""
    known = Told()
    for number, answer in enumerate(answers):
        known = known.answered(answer, NOW + number * step)
    return known


def avoided(
    *sources: Told, hosts: tuple[str, ...] = HOSTS, suspects: frozenset[str] = frozenset()
) -> set[str]:
    named = {f"s{number}": source for number, source in enumerate(sources)}
    return {each.host for each in called_bad(named, hosts, suspects) if each.avoided}


def test_one_answer_proposes_and_the_next_one_confirms() -> None:
    bad = {"n1": "Xid 79"}
    assert called_bad({"dcgm": told(bad)}, HOSTS, frozenset()) == (
        CalledBad("n1", "dcgm", "Xid 79", NOW, False),
    )
    assert called_bad({"dcgm": told(bad, {"n1": "Xid 94"})}, HOSTS, frozenset()) == (
        CalledBad("n1", "dcgm", "Xid 94", NOW, True),
    )


def test_one_that_is_called_bad_now_and_then_is_proposed_anew() -> None:
    assert avoided(told({"n1": ""}, {}, {"n1": ""})) == set()
    assert avoided(told({"n1": ""}, {"n1": ""}, {})) == set()


def test_while_nobody_answers_the_last_answer_counts_for_a_while() -> None:
    known = told({"n1": "x"}, {"n1": "x"})
    assert avoided(known.unheard("no route to host", known.at + KEPT - 1)) == {"n1"}
    late = known.unheard("no route to host", known.at + KEPT)
    assert (avoided(late), late.trouble) == (set(), "no route to host")


def test_silence_confirms_nothing() -> None:
    assert avoided(told({"n1": "x"}).unheard("away", NOW + 30)) == set()


def test_garbage_excludes_nobody_at_once() -> None:
    assert avoided(garbled("it isn't written in JSON")) == set()


def test_whoever_calls_more_than_a_quarter_bad_is_not_believed() -> None:
    few, many = (dict.fromkeys(HOSTS[:n], "x") for n in (5, 6))
    assert avoided(told(few, few)) == set(few)
    assert avoided(told(many, many)) == set()
    assert avoided(told(few, few), suspects=frozenset({"n9"})) == set(), (
        "those that failed jobs count with them"
    )
    assert avoided(told({"n1": "x"}, {"n1": "x"}), hosts=("n1",)) == {"n1"}


def test_one_more_that_is_only_proposed_takes_nothing_back() -> None:
    few = dict.fromkeys(HOSTS[:5], "x")
    assert avoided(told(few, few, {**few, "n9": "x"})) == set(few)


@pytest.mark.parametrize(
    ("name", "hosts", "meant"),
    [
        ("gpu-07", ("gpu-07.example.com", "gpu-08.example.com"), "gpu-07.example.com"),
        ("gpu-07.example.com", ("gpu-07.example.com",), "gpu-07.example.com"),
        ("gpu-07", ("gpu-07.a.com", "gpu-07.b.com"), ""),
        ("gpu-07.a.com", ("gpu-07.a.com", "gpu-07.b.com"), "gpu-07.a.com"),
        ("gpu-7", ("gpu-07",), ""),
        ("", ("",), ""),
    ],
)
def test_a_node_may_be_called_by_its_short_name_where_that_is_one_nodes(
    name: str, hosts: tuple[str, ...], meant: str
) -> None:
    found = avoided(told({name: "x"}, {name: "x"}), hosts=hosts)
    assert found == ({meant} if meant else found & {""})


@given(
    st.lists(st.dictionaries(st.sampled_from(HOSTS), st.text(max_size=5)), max_size=6),
    st.lists(st.dictionaries(st.sampled_from(HOSTS), st.text(max_size=5)), max_size=6),
    st.frozensets(st.sampled_from(HOSTS), max_size=5),
    st.integers(1, 20),
)
def test_never_are_too_many_left_alone_nor_any_on_one_word(
    first: list[dict[str, str]], second: list[dict[str, str]], suspects: frozenset[str], size: int
) -> None:
    hosts = HOSTS[:size]
    found = avoided(told(*first), told(*second), hosts=hosts, suspects=suspects)
    assert not found or len(found | suspects) <= max(1, size // PART)
    for host in found:
        assert any(len(each) > 1 and host in each[-1] and host in each[-2] for each in (first, second))


# --- what is an answer


@pytest.mark.parametrize(
    "document",
    [None, [], "n1", 3, {"n1": 1}, {"n1": None}, {"": "x"}, {"n" * 300: "x"}, {"n1": ["x"]}, {1: "x"}],
)
def test_what_is_no_object_of_nodes_and_reasons_is_garbage(document: object) -> None:
    with pytest.raises(InvalidError):
        of_document(document)


def test_too_many_nodes_are_garbage() -> None:
    with pytest.raises(InvalidError, match=str(MOST)):
        of_document({f"n{i}": "x" for i in range(MOST + 1)})


def test_reasons_are_one_line_and_short() -> None:
    assert of_document({"n1": "a\nb\x1b[31m" + "c" * 500})["n1"].startswith("a b [31mccc")
    assert len(of_document({"n1": "c" * 500})["n1"]) == 200
    assert of_document({"n1": "  "}) == {"n1": "no reason given"}


def vector(*series: Any) -> Any:
    return {"status": "success", "data": {"resultType": "vector", "result": list(series)}}


def series(value: str, **labels: str) -> Any:
    return {"metric": labels, "value": [NOW, value]}


def test_series_of_a_query_that_are_not_zero_name_bad_nodes() -> None:
    answer = vector(
        series("79", __name__="DCGM_FI_DEV_XID_ERRORS", Hostname="n1"),
        series("0", Hostname="n2"),
        series("NaN", Hostname="n3"),
        series("1", alertname="GpuLost", Hostname="n4:9400"),
        series("+Inf", Hostname="n5"),
    )
    assert of_query(answer, "Hostname") == {
        "n1": "DCGM_FI_DEV_XID_ERRORS is 79",
        "n4": "GpuLost is 1",
        "n5": "the query is inf",
    }


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"data": []},
        {"data": {"resultType": "matrix", "result": []}},
        {"data": {"resultType": "vector", "result": None}},
        vector(series("1", instance="n1")),
        vector(series("many", node="n1")),
        vector({"metric": {"node": "n1"}, "value": [1, 10**400]}),
        vector({"metric": {"node": "n1"}, "value": []}),
        vector(None),
        vector({"metric": None, "value": [1, "1"]}),
    ],
)
def test_another_answer_of_prometheus_is_garbage(answer: object) -> None:
    with pytest.raises(InvalidError):
        of_query(answer, "node")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["data", "result", "metric", "value"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_whatever_is_answered_is_understood_or_refused(answer: object) -> None:
    for read in (of_document, lambda document: of_query(document, "node")):
        try:
            said = read(json.loads(json.dumps(answer)))
        except InvalidError:
            continue
        assert all(isinstance(host, str) and isinstance(why, str) for host, why in said.items())


# --- what a job makes of it


def test_what_is_called_bad_is_asked_for_nothing_and_that_is_said() -> None:
    at = World(job("Generic", worker=2)).registers()
    at.sees(cluster=cluster("a", "b", "c"), suspects=frozenset({"b"}), called=frozenset({"b"}))
    assert at.plan.avoid == {"b"}
    assert "left alone, called bad from outside: b" in at.condition("Queued").message


def test_what_runs_there_stays() -> None:
    at = World(job("Generic", worker=2)).runs("a").sees(suspects=frozenset({"a"}), called=frozenset({"a"}))
    assert at.told_names == []


BROKEN = "Exit code: 1\nLast 4096 bytes of stderr :\nRuntimeError: CUDA error: uncorrectable ECC error\n"


def test_a_node_that_was_cleared_is_asked_for_again_at_once() -> None:
    at = World(job("Generic", {"backoff": {"base": 0}}, worker=1)).registers()
    at.sees(cluster=cluster("a", "b", "c")).runs("a").ends("worker-0", 1, BROKEN)
    assert at.plan.avoid == {"a"}
    at.later(5).sees(cleared={"a": at.now})
    assert at.plan.avoid == frozenset()


def test_what_fails_there_after_it_was_cleared_counts_from_the_beginning() -> None:
    at = World(job("Generic", {"backoff": {"base": 0}}, worker=1)).registers()
    at.sees(cluster=cluster("a", "b", "c")).runs("a").ends("worker-0", 1, BROKEN)
    at.later(100).sees(cleared={"a": at.now}).later(1).grants("worker-0").starts()
    at.later(100).ends("worker-0", 1, BROKEN)
    [known] = at.memory.avoided
    assert (known.times, known.at) == (1, at.now)
    assert at.plan.avoid == {"a"}


def test_a_node_that_could_not_start_it_is_asked_for_again_once_it_was_cleared() -> None:
    at = World(job("Generic", worker=1)).registers().sees(cluster=cluster("a", "b", "c")).runs("a")
    at.ends("worker-0", -1000, "no space left on device")
    assert at.plan.avoid == {"a"}
    at.later(5).sees(cleared={"a": at.now})
    assert at.plan.avoid == frozenset()
