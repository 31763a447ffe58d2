"""Which objects there are: what lists and news make of each other, and what the engine is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.kubernetes.model import Model, Reader, spec
from trainmaster.sources.kubernetes.objects import FINALIZER

OTHER = "example.com/other"
BROKEN: dict[str, Any] = {"roles": {"worker": {"command": "true", "replica": 2}}}
FINISHED = {"applicationId": "application_1_0001", "conditions": [{"type": "Finished", "status": "True"}]}
RUNNING = {"applicationId": "application_1_0001", "conditions": [{"type": "Finished", "status": "False"}]}


@pytest.fixture
def reader() -> Reader:
    """It has listed an empty cluster."""
    made = Reader()
    made.list()
    return made


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


# --- the finalizer


def test_a_job_is_told_once_its_finalizer_is_on(reader: Reader) -> None:
    reader.model.create(held=False)
    assert reader.hear()
    assert not reader.book.picture()
    assert [seen.name for seen in reader.book.without_finalizer()] == ["mnist"]
    reader.model.finalizers(FINALIZER)
    assert reader.hear()
    assert reader.only().job
    assert not reader.book.without_finalizer()


def test_a_finalizer_that_was_taken_off_a_running_job_is_put_on_again(reader: Reader) -> None:
    reader.model.create()
    reader.hear()
    reader.only()
    reader.model.finalizers(OTHER)
    assert reader.hear()
    assert reader.only().job
    assert [seen.finalizers for seen in reader.book.without_finalizer()] == [(OTHER,)]


def test_a_broken_object_needs_no_finalizer_until_it_is_mended(reader: Reader) -> None:
    reader.model.create(held=False, spec=BROKEN)
    reader.hear()
    told = reader.only()
    assert (told.job, [problem.field for problem in told.problems]) == (None, ["spec.roles.worker.replica"])
    assert not reader.book.without_finalizer()
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


# --- deletion


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


# --- names


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


# --- the journal


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
    assert not reader.book.without_finalizer()
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


# --- laws

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "edit", "hold", "drop", "delete", "hear", "skip", "ask", "list", "look"]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_heard_late_or_never_the_book_tells_no_lie(steps: list[tuple[str, str]]) -> None:
    """Events arrive late or get lost, lists are answered late; and the engine lets go at once of what was deleted."""
    world = World()
    for step, name in steps:
        getattr(world, f"do_{step}")(name)
    world.reader.list()
    for _ in range(2):  # a name is free one look after its holder went
        world.do_look("")
    alive = {
        uid: declared.generation
        for uid, declared in world.reader.book.picture().items()
        if not declared.deleted
    }
    assert alive == world.truth()


class World:
    """The model, a book that hears of it now and then, and an engine that lets go of what is told as deleted."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.model = self.reader.model
        self.asked = (self.reader.book.step, self.model.list())
        self.over: set[str] = set()

    def do_create(self, name: str) -> None:
        if ("vision", name) not in self.model.objects:
            self.model.create(name, held=False)

    def do_edit(self, name: str) -> None:
        if ("vision", name) in self.model.objects:
            self.model.edit(name, spec=spec(f"try {self.model.version}"))

    def do_hold(self, name: str) -> None:
        """As the source does it: what is seen to lack the finalizer gets it."""
        for seen in self.reader.book.without_finalizer():
            found = self.model.objects.get((seen.namespace, seen.name))
            if (
                found
                and found["metadata"]["uid"] == seen.uid
                and "deletionTimestamp" not in found["metadata"]
            ):
                self.model.finalizers(FINALIZER, name=seen.name)

    def do_drop(self, name: str) -> None:
        if ("vision", name) in self.model.objects:
            self.model.finalizers(name=name)

    def do_delete(self, name: str) -> None:
        if ("vision", name) in self.model.objects:
            self.model.delete(name)

    def do_hear(self, name: str) -> None:
        self.reader.hear()

    def do_skip(self, name: str) -> None:
        self.model.events.clear()

    def do_ask(self, name: str) -> None:
        self.asked = (self.reader.book.step, self.model.list())

    def do_list(self, name: str) -> None:
        begun, answer = self.asked
        self.reader.take_list(answer, begun)

    def do_look(self, name: str) -> None:
        picture = self.reader.book.picture()
        self.check(picture)
        for declared in picture.values():
            if declared.deleted:
                self.let_go(declared.uid, declared.name)

    def let_go(self, uid: str, name: str) -> None:
        found = self.model.objects.get(("vision", name))
        if found and found["metadata"]["uid"] == uid:
            self.model.finalizers(name=name)
        self.reader.book.forget(uid)
        self.over.add(uid)

    def check(self, picture: dict[str, Any]) -> None:
        there = {each["metadata"]["uid"]: each["metadata"] for each in self.model.objects.values()}
        for uid, declared in picture.items():
            assert uid not in self.over
            if declared.deleted:
                assert "deletionTimestamp" in there.get(uid, {"deletionTimestamp": ""})
        running = [each.name for each in picture.values() if not each.duplicate_of]
        assert len(running) == len(set(running))

    def truth(self) -> dict[str, int]:
        """Of what the engine was told it must know the newest; what waits for its finalizer it need not know."""
        waiting = {seen.uid for seen in self.reader.book.without_finalizer()}
        return {
            each["metadata"]["uid"]: each["metadata"]["generation"]
            for each in self.model.objects.values()
            if each["metadata"]["uid"] in self.reader.book.picture() or each["metadata"]["uid"] not in waiting
        }
