"""What is shown of a fleet to other threads."""

from __future__ import annotations

from observe.pictures import fleet, picture
from trainmaster.master.picture import FleetPicture, Shown


class Growing:
    """In place of a fleet: a job more with each picture."""

    taken = 0
    leader = "http://leader:9090"

    def picture(self) -> FleetPicture:
        self.taken += 1
        return fleet(*[picture(name=f"job-{number}") for number in range(self.taken)])

    def gpu_picture(self) -> FleetPicture:
        return fleet(picture(name="with-gpus"))


def test_before_there_is_a_fleet_it_neither_leads_nor_has_jobs() -> None:
    shown = Shown()
    assert (shown.picture().jobs, shown.picture().leading) == ({}, False)
    assert shown.last().jobs == shown.gpu_picture().jobs == {}


def test_who_leads_is_told_without_a_picture() -> None:
    shown, growing = Shown(), Growing()
    assert shown.leader() == ""
    shown.fleet = growing
    assert (shown.leader(), growing.taken) == ("http://leader:9090", 0)


def test_who_reads_the_last_picture_asks_the_fleet_nothing() -> None:
    shown, growing = Shown(), Growing()
    shown.fleet = growing
    shown.picture()
    assert (len(shown.last().jobs), len(shown.last().jobs), growing.taken) == (1, 1, 1)


def test_who_asks_for_those_with_gpus_makes_no_picture_of_the_others() -> None:
    shown, growing = Shown(), Growing()
    shown.fleet = growing
    assert [each.declared.name for each in shown.gpu_picture().jobs.values()] == ["with-gpus"]
    assert (growing.taken, shown.last().jobs) == (0, {})
