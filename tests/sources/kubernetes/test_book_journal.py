"""What the engine is told of objects that its journal knows, or should."""

from __future__ import annotations

from sources.kubernetes.model import FINISHED, RUNNING, Reader, spec
from trainmaster.sources.kubernetes.objects import FINALIZER


def test_a_journalled_job_is_gone_when_a_later_list_lacks_it(reader: Reader) -> None:
    begun, answer = reader.book.step, reader.model.list()
    reader.book.adopt({"lost": ("vision", "mnist")})
    assert reader.book.awaits("lost")
    reader.take_list(answer, begun)
    assert not reader.book.picture()
    reader.list()
    declared = reader.only()
    assert (declared.uid, declared.path, declared.deleted) == ("lost", "vision/mnist", True)
    assert not reader.book.awaits("lost")
    reader.book.forget("lost")
    assert not reader.book.picture()


def test_a_job_that_ended_and_is_not_in_the_journal_never_runs_again(reader: Reader) -> None:
    reader.model.create(held=False, status=FINISHED)
    reader.hear()
    assert not reader.book.picture()
    assert not reader.book.unclaimed()
    reader.model.finalizers(FINALIZER)
    reader.hear()
    assert not reader.book.picture()
    reader.model.delete()
    reader.hear()
    declared = reader.only()
    assert (declared.deleted, declared.lost_application) == (True, "")


def test_a_job_that_ended_and_is_in_the_journal_is_told(reader: Reader) -> None:
    uid = reader.model.create(status=FINISHED)
    reader.hear()
    reader.book.adopt({uid: ("vision", "mnist")})
    assert reader.only().job


def test_an_application_that_the_journal_does_not_know_is_lost(reader: Reader) -> None:
    reader.model.create(status=RUNNING)
    reader.hear()
    assert reader.only().lost_application == "application_1_0001"
    reader.model.edit(spec=spec("another"))
    reader.hear()
    assert reader.only().lost_application == "application_1_0001"


def test_an_application_that_was_begun_since_is_not_lost(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    reader.only()
    reader.model.edit(status=RUNNING)
    reader.model.edit(spec=spec("another"))
    reader.hear()
    assert reader.only().lost_application == ""


def test_a_new_leadership_goes_by_its_own_journal(reader: Reader) -> None:
    kept, lost, ended = (reader.model.create(name) for name in ("kept", "lost", "ended"))
    reader.hear()
    reader.book.picture()
    reader.model.edit("kept", status=RUNNING)
    reader.model.edit("lost", status=RUNNING)
    reader.model.edit("ended", status=FINISHED)
    reader.hear()
    reader.book.adopt({kept: ("vision", "kept")})
    told = {declared.uid: declared.lost_application for declared in reader.book.picture().values()}
    assert told == {kept: "", lost: "application_1_0001"}
    assert reader.book.seen(ended)


def test_what_another_leader_cleaned_up_is_not_told(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    reader.only()
    reader.model.finalizers()
    reader.model.delete()
    reader.hear()
    reader.book.adopt({})
    assert not reader.book.picture()
