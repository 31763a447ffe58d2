"""Which objects there are: what lists and news make of each other, and what the engine is told of it."""

from __future__ import annotations

from sources.kubernetes.model import BROKEN, OTHER, RUNNING, Reader, spec
from trainmaster.sources.kubernetes.objects import FINALIZER


def test_nothing_is_complete_before_a_list() -> None:
    reader = Reader()
    reader.model.create()
    reader.hear()
    assert not reader.book.complete
    reader.list()
    assert reader.book.complete


def test_an_object_is_told_as_it_stands_there(reader: Reader) -> None:
    uid = reader.model.create()
    assert reader.hear()
    declared = reader.only()
    assert (declared.uid, declared.namespace, declared.name) == (uid, "vision", "mnist")
    assert (declared.source, declared.path, declared.owner) == ("kubernetes", "vision/mnist", "vision-user")
    assert declared.job
    assert declared.job.spec.roles["worker"].command == "python train.py"
    assert (declared.generation, declared.deleted, declared.lost_application) == (1, False, "")


def test_an_edit_is_news_and_a_status_is_none(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    first = reader.only()
    reader.model.edit(status=RUNNING)
    assert not reader.hear()
    assert reader.only() is first
    reader.model.edit(spec=spec("another"))
    assert reader.hear()
    assert reader.only().generation == 2


def test_an_object_whose_status_a_controller_has_shown_is_no_new_one(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    assert not reader.only().known
    reader.model.edit(status=RUNNING)
    later = Reader(reader.model)
    later.list()
    assert later.only().known


def test_an_older_version_never_takes_the_place_of_a_newer_one(reader: Reader) -> None:
    reader.model.create()
    reader.model.edit(spec=spec("another"))
    old, new = reader.model.events
    reader.hear_of(new)
    assert not reader.hear_of(old)
    assert reader.only().generation == 2


def test_a_list_that_is_older_than_an_edit_does_not_undo_it(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    begun, answer = reader.book.step, reader.model.list()
    reader.model.edit(spec=spec("another"))
    reader.hear()
    reader.take_list(answer, begun)
    assert reader.only().generation == 2


def test_a_job_is_told_once_its_finalizer_is_on(reader: Reader) -> None:
    reader.model.create(held=False)
    assert reader.hear()
    assert not reader.book.picture()
    assert [seen.name for seen in reader.book.unclaimed()] == ["mnist"]
    reader.model.finalizers(FINALIZER)
    assert reader.hear()
    assert reader.only().job
    assert not reader.book.unclaimed()


def test_a_finalizer_that_was_taken_off_a_running_job_is_put_on_again(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    reader.only()
    reader.model.finalizers(OTHER)
    assert reader.hear()
    assert reader.only().job
    assert [seen.finalizers for seen in reader.book.unclaimed()] == [(OTHER,)]


def test_a_broken_object_needs_no_finalizer_until_it_is_mended(reader: Reader) -> None:
    reader.model.create(held=False, spec=BROKEN)
    reader.hear()
    told = reader.only()
    assert (told.job, [problem.field for problem in told.problems]) == (None, ["spec.roles.worker.replica"])
    assert not reader.book.unclaimed()
    reader.model.edit(spec=spec())
    reader.hear()
    assert reader.only() is told
    reader.model.finalizers(FINALIZER)
    reader.hear()
    assert reader.only().job


def test_a_broken_object_hides_no_other(reader: Reader) -> None:
    reader.model.create("a", spec="nonsense")
    reader.model.create("b")
    reader.model.create("c", spec={"roles": {}}, status=["nonsense"])
    reader.list()
    told = {declared.name: bool(declared.job) for declared in reader.book.picture().values()}
    assert told == {"a": False, "b": True, "c": False}


def test_a_new_object_waits_for_the_end_of_the_one_whose_name_it_has(reader: Reader) -> None:
    old = reader.model.create()
    reader.hear()
    reader.only()
    reader.model.finalizers()
    reader.model.delete()
    new = reader.model.create()
    reader.hear()
    picture = reader.book.picture()
    assert picture[old].deleted
    assert old in picture[new].duplicate_of
    reader.book.forget(old)
    assert reader.only().uid == new
    assert reader.only().duplicate_of == ""


def test_of_several_that_went_under_one_name_none_waits_for_another(reader: Reader) -> None:
    for _ in range(2):
        reader.model.create()
        reader.hear()
        reader.book.picture()
        reader.model.finalizers()
        reader.model.delete()
        reader.hear()
    told = reader.book.picture().values()
    assert [(declared.deleted, declared.duplicate_of) for declared in told] == [(True, "")] * 2


def test_a_new_object_waits_while_nothing_is_known_of_the_journalled_one_of_its_name(reader: Reader) -> None:
    new = reader.model.create()
    reader.hear()
    reader.book.adopt({"old": ("vision", "mnist")})
    assert "old" in reader.only().duplicate_of
    reader.list()
    picture = reader.book.picture()
    assert picture["old"].deleted
    assert "old" in picture[new].duplicate_of


def test_a_wish_to_suspend_is_heard_though_nothing_else_can_be_read(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    assert not reader.only().suspends
    reader.model.edit(spec={**BROKEN, "runPolicy": {"suspend": True}})
    reader.hear()
    assert reader.only().problems
    assert reader.only().suspends
