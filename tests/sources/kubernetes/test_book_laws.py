"""Whatever is heard late or never, the book tells no lie."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sources.kubernetes.model import Reader, spec
from trainmaster.sources.kubernetes.objects import FINALIZER

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
        for seen in self.reader.book.unclaimed():
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
        waiting = {seen.uid for seen in self.reader.book.unclaimed()}
        return {
            each["metadata"]["uid"]: each["metadata"]["generation"]
            for each in self.model.objects.values()
            if each["metadata"]["uid"] in self.reader.book.picture() or each["metadata"]["uid"] not in waiting
        }
