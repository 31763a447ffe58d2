"""Objects that go, by the rules and by force: what was not seen is not gone."""

from __future__ import annotations

from sources.kubernetes.model import BROKEN, FINISHED, OTHER, RUNNING, Model, Reader, spec
from trainmaster.sources.kubernetes.objects import FINALIZER


def test_a_deleted_object_is_told_until_nothing_of_its_job_is_left(reader: Reader) -> None:
    uid = reader.model.create()
    reader.hear()
    reader.only()
    reader.model.delete()
    assert reader.hear()
    assert reader.only().deleted
    reader.model.finalizers()
    reader.hear()
    assert reader.only().deleted
    reader.book.forget(uid)
    assert not reader.book.picture()


def test_an_object_that_others_still_hold_is_not_told_again(reader: Reader) -> None:
    uid = reader.model.create()
    reader.model.finalizers(FINALIZER, OTHER)
    reader.model.delete()
    reader.hear()
    assert reader.only().deleted
    reader.model.finalizers(OTHER)
    reader.hear()
    reader.book.forget(uid)
    reader.model.edit(status=FINISHED)
    reader.hear()
    reader.list()
    assert not reader.book.picture()
    reader.model.finalizers()
    reader.hear()
    assert reader.book.seen(uid) is None


def test_the_end_of_a_broken_object_is_told_as_well(reader: Reader) -> None:
    uid = reader.model.create(held=False, spec=BROKEN)
    reader.hear()
    reader.only()
    reader.model.delete()
    assert reader.hear()
    assert reader.only().deleted
    reader.book.forget(uid)
    assert not reader.book.picture()


def test_what_others_hold_and_was_never_told_is_not_our_affair(reader: Reader) -> None:
    reader.model.create(held=False)
    reader.model.finalizers(OTHER)
    reader.hear()
    reader.model.delete()
    assert not reader.hear()
    assert not reader.book.picture()


def test_what_was_never_told_goes_without_a_word(reader: Reader) -> None:
    reader.model.create(held=False)
    reader.hear()
    reader.model.delete()
    assert not reader.hear()
    assert not reader.book.picture()


def test_an_object_that_is_deleted_before_it_was_told_is_let_go_by_the_engine(reader: Reader) -> None:
    reader.model.create()
    reader.model.delete()
    assert reader.hear()
    assert reader.only().deleted


def test_only_a_complete_list_says_that_an_object_is_gone_whose_deletion_nobody_heard(reader: Reader) -> None:
    reader.model.create("a", "here")
    reader.model.create("b", "there")
    reader.hear()
    assert len(reader.book.picture()) == 2
    for name, namespace in (("a", "here"), ("b", "there")):
        reader.model.finalizers(name=name, namespace=namespace)
        reader.model.delete(name, namespace)
    reader.list("here")
    assert {declared.name: declared.deleted for declared in reader.book.picture().values()} == {
        "a": True,
        "b": False,
    }


def test_a_list_that_is_older_than_an_object_does_not_say_that_it_is_gone(reader: Reader) -> None:
    begun, answer = reader.book.step, reader.model.list()
    reader.model.create()
    reader.hear()
    reader.take_list(answer, begun)
    assert not reader.only().deleted


def test_a_list_says_that_an_object_is_gone_which_came_and_went_while_it_was_asked_for(
    reader: Reader,
) -> None:
    begun = reader.book.step
    reader.model.create()
    reader.hear()
    reader.only()
    reader.model.finalizers()
    reader.model.delete()
    reader.take_list(reader.model.list(), begun)
    assert reader.only().deleted


def test_news_that_a_complete_list_has_overtaken_bring_nothing_back(reader: Reader) -> None:
    uid = reader.model.create()
    late = reader.model.events[-1]
    reader.hear()
    reader.only()
    reader.model.finalizers()
    reader.model.delete()
    reader.list()
    reader.book.forget(uid)
    assert not reader.hear_of(late)
    assert not reader.book.picture()


def test_an_answer_that_comes_after_the_end_brings_nothing_back(reader: Reader) -> None:
    uid = reader.model.create()
    reader.hear()
    reader.only()
    reader.model.edit(status=RUNNING)
    late = reader.read(reader.model.document())
    reader.model.delete()
    reader.model.finalizers()
    reader.hear()
    reader.only()
    assert not reader.book.refresh(late)
    reader.book.forget(uid)
    assert not reader.book.refresh(late)
    assert not reader.book.picture()


def test_an_answer_is_news_of_an_object_that_is_there(reader: Reader) -> None:
    reader.model.create(held=False)
    reader.hear()
    reader.model.finalizers(FINALIZER)
    assert reader.book.refresh(reader.read(reader.model.document()))
    assert not reader.hear()
    assert reader.only().job


def test_a_cluster_that_was_restored_from_a_copy_is_believed(reader: Reader) -> None:
    """Its versions are lower than those that were seen; the list was asked for after all of them."""
    reader.model.create("kept")
    reader.model.create("since")
    reader.model.edit("kept", spec=spec("newer"))
    reader.hear()
    assert len(reader.book.picture()) == 2
    restored = Reader(model=Model(version=-1), book=reader.book)
    restored.model.create("kept")
    restored.list()
    told = {
        declared.name: (declared.generation, declared.deleted) for declared in reader.book.picture().values()
    }
    assert told == {"kept": (1, False), "since": (1, True)}
