"""What is worked out once of an object, and forgotten with it."""

from __future__ import annotations

from weakref import ref

from trainmaster.api.once import once_each


class Thing:
    """Equal to all others, and unhashable."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)

    __hash__ = None  # type: ignore[assignment]


def test_it_is_worked_out_once_of_each_object_though_all_are_equal() -> None:
    asked: list[Thing] = []

    @once_each
    def place(thing: Thing) -> int:
        asked.append(thing)
        return len(asked)

    one, other = Thing(), Thing()
    assert [place(one), place(other), place(one), place(other)] == [1, 2, 1, 2]


def test_an_object_that_takes_the_place_of_one_that_is_gone_is_another_one() -> None:
    numbers = iter(range(1000))

    @once_each
    def number(_: Thing) -> int:
        return next(numbers)

    assert [number(Thing()) for _ in range(1000)] == list(range(1000))


def test_nothing_is_kept_of_what_is_gone() -> None:
    class Result:
        pass

    left = []

    @once_each
    def result(_: Thing) -> Result:
        made = Result()
        left.append(ref(made))
        return made

    thing = Thing()
    result(thing)
    assert left[0]() is not None
    del thing
    assert left[0]() is None
