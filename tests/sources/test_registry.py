"""Who is who among the files: the laws that hold whatever people do, and the cases that protect running jobs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from sources.building import GRACE, job_text
from trainmaster.api.declared import Declared
from trainmaster.sources.files import Entry
from trainmaster.sources.known import Record, from_bytes
from trainmaster.sources.layout import NOW
from trainmaster.sources.reading import FileRead, read_file
from trainmaster.sources.registry import Registry
from trainmaster.sources.sightings import Look, Mark


@dataclass
class World:
    """A jobs folder in memory, a clock, and the registry that looks at them."""

    registry: Registry = field(
        default_factory=lambda: Registry("test", "root", GRACE, map(str, itertools.count(1)).__next__)
    )
    files: dict[str, FileRead] = field(default_factory=dict)
    now: float = 0.0
    blind: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    _time: int = 0

    def put(self, path: str, text: str, owner: str = "alice") -> None:
        self._time += 1
        entry = Entry(f"/jobs/{path}", len(text), self._time, owner, 0o644)
        self.files[path] = read_file(path, entry, text.encode())

    def move(self, old: str, new: str) -> None:
        self.put(new, self.files.pop(old).text)

    def look(self, seconds: float = 0.0) -> dict[str, Declared]:
        self.now += seconds
        return self.registry.update(
            Look(
                dict(self.files),
                self.now,
                self.now + 1e9,
                marks=self.marks,
                blind=frozenset(self.blind),
                admin="admin",
            )
        )


def only(picture: dict[str, Declared]) -> Declared:
    assert len(picture) == 1, picture
    return next(iter(picture.values()))


def test_what_was_written_down_before_is_no_new_job_to_the_next_controller() -> None:
    world = World()
    world.put("vision/old.yaml", job_text())
    world.put("vision/remembered.yaml", job_text())
    found = {each.name: each for each in world.look().values()}
    assert not any(each.known for each in found.values())
    uids = map(str, itertools.count(100)).__next__
    later = World(Registry("test", "root", GRACE, uids), dict(world.files))
    old, remembered = found["old"], found["remembered"]
    later.registry.remember([world.registry.records()[old.uid]])
    later.registry.adopt({remembered.uid: ("vision", "remembered")})
    later.put("vision/new.yaml", job_text())
    assert {d.name: d.known for d in later.look().values()} == {"old": True, "remembered": True, "new": False}
    del later.files["vision/old.yaml"]
    later.look()
    gone = next(d for d in later.look(GRACE + 1).values() if d.deleted)
    later.registry.forget(gone)
    later.put("vision/old.yaml", job_text())
    assert not {d.name: d.known for d in later.look().values()}["old"], "another job of that name"


def test_a_job_is_as_old_as_its_first_sighting_whatever_becomes_of_its_file() -> None:
    world = World(now=100.0)
    world.put("a.yaml", job_text("mnist", "vision"))
    first = only(world.look())
    assert first.created == 1e9 + 100
    world.put("a.yaml", job_text("mnist", "vision", command="other"))
    edited = only(world.look(2400))
    assert (edited.generation, edited.created) == (2, first.created)
    later = Registry("test", "root", GRACE)
    later.remember(known for r in world.registry.records().values() if (known := from_bytes(r.to_bytes())))
    world.registry = later
    assert only(world.look(60)).created == first.created
    world.registry.deleted(edited)
    world.look()
    world.registry.forget(edited)
    assert only(world.look(60)).created == world.now + 1e9


def test_what_a_newer_version_noted_of_a_job_is_read_over() -> None:
    record = Record("1", "vision", "mnist", "a.yaml", created=5.0)
    assert from_bytes(record.to_bytes().replace(b'"created"', b'"colour": "red", "created"')) == record
    assert from_bytes(b"[]") is None


def test_a_journalled_job_whose_file_says_nothing_sound_is_told_what_is_wrong_with_it() -> None:
    """And only one without a file that none was found."""
    world = World()
    world.registry.adopt({"u1": ("default", "a")})
    assert "was not found" in only(world.look()).problems[0].reason
    world.put("a.yaml", "spec: [")
    broken = only(world.look())
    assert (broken.uid, broken.job) == ("u1", None)
    assert broken.problems == world.files["a.yaml"].problems


def test_a_job_never_changes_its_owner() -> None:
    """Its processes run as the owner: whoever could take the job over would run his commands as that user."""
    world = World()
    world.put("a.yaml", job_text("mnist", "vision"), owner="alice")
    first = only(world.look())
    del world.files["a.yaml"]
    world.put("b.yaml", job_text("mnist", "vision", command="evil"), owner="bob")
    picture = world.look()
    assert picture[first.uid].owner == "alice"
    assert picture[first.uid].job == first.job
    (other,) = (declared for uid, declared in picture.items() if uid != first.uid)
    assert other.duplicate_of
    assert other.job == world.files["b.yaml"].job
    old = world.look(GRACE)[first.uid]
    assert old.deleted
    world.registry.forget(old)
    (new,) = (declared for declared in world.look().values() if not declared.deleted)
    assert (new.owner, new.duplicate_of) == ("bob", "")
    assert new.uid != first.uid


def test_a_file_that_changed_hands_in_place_is_another_job() -> None:
    world = World()
    world.put("a.yaml", job_text(), owner="alice")
    first = only(world.look())
    world.put("a.yaml", job_text(command="evil"), owner="bob")
    picture = world.look()
    assert picture[first.uid].job == first.job
    world.registry.forget(world.look(GRACE)[first.uid])
    (new,) = (declared for declared in world.look().values() if not declared.deleted)
    assert new.owner == "bob"


def test_marks_of_others_count_for_nothing() -> None:
    world = World()
    world.put("a.yaml", job_text(), owner="alice")
    world.look()
    world.files.clear()
    for owner, deleted in (("bob", False), ("alice", True)):
        world.marks = (Mark("a.yaml", owner),)
        assert only(world.look()).deleted == deleted


def test_a_job_may_be_deleted_at_once_also_once_it_is_being_deleted() -> None:
    world = World()
    world.put("a.yaml", job_text(), owner="alice")
    world.look()
    world.files.clear()
    world.marks = (Mark("a.yaml", "alice"),)
    assert not only(world.look()).at_once
    world.marks = (Mark("a.yaml", "alice"), Mark("a.yaml", "bob", NOW))
    assert not only(world.look()).at_once
    world.marks = (Mark("a.yaml", "alice", NOW),)
    seen = only(world.look())
    assert (seen.deleted, seen.at_once) == (True, True)


def test_marks_that_count_for_nothing_are_in_nobodys_way() -> None:
    """Where only owners replace their files, the job's owner couldn't leave his own mark."""
    world = World()
    world.put("a.yaml", job_text(), owner="alice")
    world.look()
    world.marks = (Mark("a.yaml", "mallory"), Mark("a.yaml", "alice", NOW))
    assert only(world.look()).deleted
    assert world.registry.stale_marks == (Mark("a.yaml", "mallory"),)


def test_the_owner_of_the_jobs_folder_may_mark_everything() -> None:
    world = World()
    world.put("a.yaml", job_text(), owner="alice")
    world.look()
    world.marks = (Mark("a.yaml", "admin"),)
    assert only(world.look()).deleted


def test_what_could_not_be_looked_into_is_not_gone() -> None:
    world = World()
    world.put("team/a.yaml", job_text())
    first = only(world.look())
    world.files.clear()
    world.blind = ("team",)
    world.look()
    assert only(world.look(10 * GRACE)) is first
    world.blind = ()
    assert not only(world.look()).deleted
    assert only(world.look(GRACE)).deleted


def test_a_file_that_comes_to_declare_another_job_ends_the_first() -> None:
    world = World()
    world.put("a.yaml", job_text("one"))
    one = only(world.look())
    world.put("a.yaml", job_text("two"))
    picture = world.look()
    assert {declared.name for declared in picture.values()} == {"one", "two"}
    assert world.registry.is_shared(picture[one.uid])
    assert world.look(GRACE)[one.uid].deleted


def test_the_duplicate_takes_over_when_the_holder_is_gone() -> None:
    world = World()
    world.put("a.yaml", job_text("mnist"))
    first = only(world.look())
    world.put("b.yaml", job_text("mnist"))
    world.look()
    del world.files["a.yaml"]
    picture = world.look()
    assert picture[first.uid].path == "b.yaml"
    (stray,) = (declared for uid, declared in picture.items() if uid != first.uid)
    assert stray.deleted
    assert not world.registry.holds(stray)
    world.registry.forget(stray)
    assert only(world.look()).uid == first.uid


PATHS = st.sampled_from(["a.yaml", "b.yaml", "t/a.yaml", "t/c.yaml"])
TEXTS = st.sampled_from([job_text("x"), job_text("y"), job_text("x", command="other"), job_text(), "spec: ["])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), PATHS, TEXTS, st.sampled_from(["alice", "bob"])),
        st.tuples(st.just("remove"), PATHS),
        st.tuples(st.just("wait"), st.floats(0, 2 * GRACE)),
        st.tuples(st.just("forget")),
        st.tuples(st.just("blind"), st.sampled_from([(), ("t",)])),
    ),
    max_size=30,
)


@given(STEPS)
def test_laws(steps: list[tuple[object, ...]]) -> None:
    world = World()
    owners: dict[str, str] = {}
    names: dict[str, tuple[str, str]] = {}
    ended: set[str] = set()
    picture: dict[str, Declared] = {}
    for step in steps:
        _do(world, step, picture, ended)
        picture = world.look()
        holders = [d for d in picture.values() if d.job is not None and not d.duplicate_of]
        identities = [(d.namespace, d.name) for d in holders]
        assert len(set(identities)) == len(identities), "a namespace and name has one holder"
        for declared in holders:
            assert declared.uid not in ended, "a uid that ended never comes back"
            assert owners.setdefault(declared.uid, declared.owner) == declared.owner
            name = declared.namespace, declared.name
            assert names.setdefault(declared.uid, name) == name
        shown = {declared.path for declared in picture.values()}
        assert set(world.files) <= shown, "every file is shown in some declaration"


def _do(world: World, step: tuple[object, ...], picture: dict[str, Declared], ended: set[str]) -> None:
    match step:
        case ("put", str(path), str(text), str(owner)):
            world.put(path, text, owner)
        case ("remove", str(path)):
            world.files.pop(path, None)
        case ("wait", float(seconds)):
            world.now += seconds
        case ("blind", tuple(folders)):
            world.blind = folders
            if folders:
                world.files = {path: read for path, read in world.files.items() if not path.startswith("t/")}
        case _:
            for declared in [each for each in picture.values() if each.deleted]:
                world.registry.forget(declared)
                if not declared.duplicate_of and declared.job is not None:
                    ended.add(declared.uid)


# --- looks that only bring new documents


@dataclass
class Told(World):
    """A folder whose files are read a few at a time, and of which the registry is told what a look brought, where that is all."""

    there: dict[str, FileRead] = field(default_factory=dict)
    version: int = 0

    def look(self, seconds: float = 0.0, *, tells: bool = True, most: int = 2) -> dict[str, Declared]:
        self.now, self.version, before = self.now + seconds, self.version + 1, self.there
        new = [path for path, read in self.files.items() if before.get(path) != read][:most]
        self.there = {
            p: self.files[p] if p in new else before[p] for p in self.files if p in before or p in new
        }
        added = {path: self.there[path] for path in self.there if path not in before}
        plain = all(self.there.get(path) == read for path, read in before.items())
        return self.registry.update(
            Look(
                dict(self.there),
                self.now,
                self.now + 1e9,
                version=self.version,
                added=added if plain and tells else None,
                blind=frozenset((*self.blind, *(self.files.keys() - self.there.keys()))),
                admin="admin",
            )
        )


@given(STEPS, st.integers(0, 4))
def test_what_a_look_brought_comes_to_the_same_alone_as_with_all_the_rest(
    steps: list[tuple[object, ...]], remembered: int
) -> None:
    one, other = Told(), Told()
    for world in (one, other):
        world.registry.remember(
            Record(f"r{n}", *identity, path, "alice", text=job_text())
            for n, (identity, path) in enumerate(
                [(("default", "a"), "a.yaml"), (("default", "x"), "b.yaml"), (("t", "c"), "t/c.yaml")][
                    :remembered
                ]
            )
        )
    pictures: list[dict[str, Declared]] = [{}, {}]
    for step in steps:
        for number, world in enumerate((one, other)):
            _do(world, step, pictures[number], set())
            pictures[number] = dict(world.look(tells=world is one))
        assert pictures[0] == pictures[1]
        assert one.registry.records() == other.registry.records()
        assert one.registry.held == other.registry.held


def test_what_was_moved_begins_once_its_job_is_back_where_it_was_though_only_that_is_new() -> None:
    """Somebody copied it back: nothing else would ever have the file that waits be looked at again."""
    world = Told()
    world.put("a.yaml", job_text())
    first = only(world.look())
    world.move("a.yaml", "t/a.yaml")
    assert {d.path: d.job is not None for d in world.look().values()} == {"a.yaml": True, "t/a.yaml": False}
    world.put("a.yaml", job_text())
    begun = {d.path: d for d in world.look().values() if d.job}
    assert begun.keys() == {"a.yaml", "t/a.yaml"}
    assert begun["a.yaml"].uid == first.uid


def test_what_was_a_document_of_a_broken_file_waits_for_the_job_that_it_was() -> None:
    """That job goes on, since it may be in there: two trainings on the same checkpoints would spoil both."""
    world = Told()
    world.registry.remember([Record("r1", "default", "y", "b.yaml,y@default", "alice", text=job_text("y"))])
    world.put("b.yaml", "spec: [")
    assert only(world.look()).uid == "r1"
    world.put("t/a.yaml", job_text("y"))
    begun = [d.uid for d in world.look().values() if d.job]
    assert begun == ["r1"]


# --- files that were moved to where they mean another job


def test_a_moved_file_begins_nothing_while_the_job_that_it_was_lives() -> None:
    world = World()
    world.put("team/a.yaml", job_text())
    first = only(world.look())
    world.move("team/a.yaml", "other/a.yaml")
    told = world.look()
    waiting = next(each for each in told.values() if each.uid != first.uid)
    assert (told[first.uid].deleted, waiting.job) == (False, None)
    assert waiting.problems[0].reason == (
        "this file was team/a.yaml, which declared team/a: it begins once nothing of that is left"
    )
    gone = world.look(GRACE)[first.uid]
    assert gone.deleted
    assert all(each.job is None for each in world.look().values() if each.uid != first.uid)
    world.registry.forget(gone)
    (begun,) = [each for each in world.look().values() if not each.deleted]
    assert (begun.namespace, begun.job is not None) == ("other", True)


def test_one_that_was_edited_on_the_way_is_known_by_its_checkpoints() -> None:
    world = World()
    text = job_text() + "  checkpointPath: hdfs:///ckpt/a\n"
    world.put("team/a.yaml", text)
    world.look()
    world.files.clear()
    world.put("other/b.yaml", text.replace("python train.py", "python better.py"))
    assert [each.job is None for each in world.look().values()].count(True) == 1


def test_a_moved_file_that_comes_back_is_the_same_job() -> None:
    world = World()
    world.put("team/a.yaml", job_text())
    first = only(world.look())
    world.move("team/a.yaml", "other/a.yaml")
    world.look()
    world.move("other/a.yaml", "team/a.yaml")
    world.look()
    assert [each.uid for each in world.look().values() if not each.deleted] == [first.uid]


def test_a_copy_is_a_job_of_its_own_and_so_is_anothers_file() -> None:
    world = World()
    world.put("team/a.yaml", job_text())
    world.look()
    world.put("other/a.yaml", job_text())
    assert all(each.job for each in world.look().values())
    world.files.clear()
    world.put("third/a.yaml", job_text(), owner="bob")
    assert next(each for each in world.look().values() if each.namespace == "third").job


def test_what_was_said_of_an_earlier_job_of_that_name_touches_no_later_one() -> None:
    """An end that is told late, of a job that was deleted and declared again."""
    world = World()
    world.put("a.yaml", job_text("mnist", "vision"))
    first = only(world.look())
    assert world.registry.holds(first)
    world.registry.deleted(first)
    world.registry.forget(only(world.look()))
    assert not world.registry.holds(first)
    second = only(world.look())
    assert second.uid != first.uid
    world.registry.deleted(first)
    world.registry.forget(first)
    assert not world.registry.holds(first)
    assert world.registry.holds(second)
    assert only(world.look()) == second
