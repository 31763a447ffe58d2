"""Our finalizer comes and goes, and those of others stay."""

from __future__ import annotations

from typing import Any

import pytest

from sources.kubernetes.model import Model
from trainmaster.sources.kubernetes.finalizer import adding, removing
from trainmaster.sources.kubernetes.objects import FINALIZER, Seen, seen_in

OTHERS = ("example.com/a", "example.com/b")


def seen(*finalizers: str, deleted: bool = False) -> Seen:
    model = Model()
    model.create()
    if deleted:
        model.delete()
    document = model.document()
    document["metadata"]["finalizers"] = list(finalizers)
    return seen_in(document)


def after(patch: list[dict[str, Any]], there: Seen) -> list[str] | None:
    """The finalizers after a JSON patch (RFC 6902) of an object that is as it is there; None when a test refuses it."""
    values: dict[str, Any] = {"/metadata/uid": there.uid}
    finalizers = list(there.finalizers)
    values["/metadata/finalizers"] = finalizers or None
    values |= {f"/metadata/finalizers/{place}": name for place, name in enumerate(finalizers)}
    for step in patch:
        path, last = step["path"], step["path"].rpartition("/")[2]
        match step["op"], last:
            case "test", _:
                if values.get(path) != step["value"]:
                    return None
            case "add", "finalizers":
                finalizers = list(step["value"])
            case "remove", place:
                del finalizers[int(place)]
    return finalizers


@pytest.mark.parametrize("others", [(), OTHERS[:1], OTHERS])
def test_it_is_added_beside_those_of_others(others: tuple[str, ...]) -> None:
    there = seen(*others)
    assert after(adding(there), there) == [*others, FINALIZER]


@pytest.mark.parametrize("before", [(FINALIZER,), (OTHERS[0], FINALIZER, OTHERS[1]), (*OTHERS, FINALIZER)])
def test_it_is_taken_off_and_those_of_others_stay(before: tuple[str, ...]) -> None:
    there = seen(*before, deleted=True)
    assert after(removing(there), there) == [name for name in before if name != FINALIZER]


def test_nothing_is_done_where_nothing_is_to_do() -> None:
    assert adding(seen(FINALIZER)) == []
    assert adding(seen(OTHERS[0], deleted=True)) == []
    assert removing(seen(*OTHERS)) == []


def test_finalizers_that_changed_meanwhile_refuse_the_patch() -> None:
    assert after(adding(seen()), seen(OTHERS[0])) is None
    assert after(adding(seen(OTHERS[0])), seen(*OTHERS)) is None
    assert after(adding(seen(OTHERS[0])), seen(OTHERS[0], FINALIZER)) is None
    assert after(removing(seen(FINALIZER)), seen(OTHERS[0], FINALIZER)) is None
    assert after(removing(seen(FINALIZER)), seen()) is None


def test_another_object_of_the_name_refuses_the_patch() -> None:
    model = Model()
    model.create()
    first = seen_in(model.document())
    model.create()
    second = seen_in(model.document())
    assert first.uid != second.uid
    assert after(removing(first), second) is None
