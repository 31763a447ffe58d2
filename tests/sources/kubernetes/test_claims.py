"""An object says who drives it before anything is started for it, and what names another is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from sources.kubernetes.model import BROKEN, RUNNING, Model, Reader, spec
from trainmaster.sources.kubernetes.claims import claiming
from trainmaster.sources.kubernetes.objects import FINALIZER, Seen, seen_in
from trainmaster.sources.kubernetes.records import INSTALLATION

OURS, THEIRS = "ours", "theirs"
NOTE = {"example.com/note": "kept"}


@pytest.fixture
def reader() -> Reader:
    made = Reader()
    made.book.installation = OURS
    return made


def document(controller: str = "", *finalizers: str, **annotations: str) -> dict[str, Any]:
    model = Model()
    model.create(held=False)
    found = model.document()
    named = {INSTALLATION: controller} if controller else {}
    found["metadata"] |= {"finalizers": list(finalizers), "annotations": {**annotations, **named}}
    return found


def patched(patch: list[dict[str, Any]], there: dict[str, Any]) -> Seen | None:
    """The object after a JSON patch (RFC 6902), as the API server applies it; None when a test refuses it."""
    metadata = {
        key: value for key, value in there["metadata"].items() if value
    }  # it keeps nothing that is empty
    for step in patch:
        *above, last = (part.replace("~1", "/") for part in step["path"].split("/")[2:])
        place = metadata
        for part in above:
            place = place[part]
        if step["op"] == "test" and place.get(last) != step["value"]:
            return None
        if step["op"] == "add":
            place[last] = step["value"]
    return seen_in({**there, "metadata": metadata})


@pytest.mark.parametrize("annotations", [{}, NOTE])
@pytest.mark.parametrize("finalizers", [(), (FINALIZER,), ("example.com/other",)])
def test_name_and_finalizer_come_in_one_write(
    annotations: dict[str, str], finalizers: tuple[str, ...]
) -> None:
    there = document("", *finalizers, **annotations)
    after = patched(claiming(seen_in(there), OURS), there)
    assert after is not None
    assert (after.controller, after.held) == (OURS, True)
    assert set(finalizers) <= set(after.finalizers)


@pytest.mark.parametrize("annotations", [{}, NOTE])
def test_of_two_that_try_at_once_one_succeeds(annotations: dict[str, str]) -> None:
    before = document("", FINALIZER, **annotations)
    late = claiming(seen_in(before), OURS)
    assert patched(late, document(THEIRS, FINALIZER, **annotations)) is None


def test_a_name_that_stands_there_is_never_overwritten() -> None:
    assert claiming(seen_in(document(THEIRS)), OURS) == []
    assert claiming(seen_in(document(OURS, FINALIZER)), OURS) == []


def test_a_job_is_told_once_it_names_us(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    assert not reader.book.picture()
    assert reader.book.unclaimed()
    reader.model.name_controller(OURS)
    reader.hear()
    assert reader.only().job
    assert not reader.book.unclaimed()


@pytest.mark.parametrize("more", [{}, {"status": RUNNING}, {"spec": BROKEN}])
def test_what_another_installation_drives_is_never_told_nor_touched(
    reader: Reader, more: dict[str, Any]
) -> None:
    reader.model.create(**more)
    reader.model.name_controller(THEIRS)
    reader.hear()
    assert not reader.book.picture()
    assert not reader.book.unclaimed()
    assert [seen.controller for seen in reader.book.foreign()] == [THEIRS]
    reader.model.delete()
    reader.hear()
    assert not reader.book.picture()
    reader.model.finalizers()
    reader.hear()
    assert not reader.book.foreign()


def test_a_name_that_somebody_took_away_is_put_back(reader: Reader) -> None:
    uid = reader.model.create()
    reader.model.name_controller(OURS)
    reader.hear()
    reader.book.adopt({uid: ("vision", "mnist")})
    reader.book.picture()
    reader.model.name_controller("")
    reader.hear()
    assert reader.only().job
    assert [seen.uid for seen in reader.book.unclaimed()] == [uid]


def test_what_runs_goes_on_as_it_was_told_where_somebody_writes_another_name_on_it(reader: Reader) -> None:
    uid = reader.model.create()
    reader.model.name_controller(OURS)
    reader.hear()
    before = reader.only()
    reader.model.name_controller(THEIRS)
    reader.model.edit(spec=spec("another"))
    reader.hear()
    assert reader.only() == before
    assert not reader.book.unclaimed()
    assert [seen.uid for seen in reader.book.foreign()] == [uid]
