"""What others found of jobs beside the engine, on its way into their statuses: GPUs, checkpoints, reports, suspects.

Each finder asks here whom it is to look at, and leaves here what it found; the next pass takes that in. Never here: looking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trainmaster.master import clock
from trainmaster.master.checkpoints import FoundCheckpoints, FoundSavedModels, Training, trainings_of
from trainmaster.master.gpus import FoundGpus
from trainmaster.master.job import JobMaster
from trainmaster.master.reports import FoundReports
from trainmaster.master.suspects import FoundSuspects
from trainmaster.plan.values import CheckpointLook, HeldGpus, SavedModelLook


class Found:
    """`driven` tells the jobs that this controller drives, none while it doesn't lead; `ring` has one make a pass soon.
    `exclusions`: how many nodes may come to be left alone within an hour."""

    def __init__(
        self, driven: Callable[[], Iterable[JobMaster]], ring: Callable[[str], None], exclusions: int
    ) -> None:
        self.gpus, self.checkpoints, self.saved_models = FoundGpus(), FoundCheckpoints(), FoundSavedModels()
        self.reports, self.suspects = FoundReports(), FoundSuspects(exclusions)
        self._driven, self._ring = driven, ring

    def show_gpus(self, uid: str, found: Mapping[str, HeldGpus]) -> None:
        """Of a job's containers, by id."""
        self.gpus.put(uid, found)
        self._ring(uid)

    def keep_gpus(self, uids: Iterable[str]) -> None:
        """Of these jobs alone."""
        self.gpus.keep_only(uids)

    def trainings(self, since: float) -> Mapping[str, Training]:
        """What jobs may have written, by key: those that run, and those that ended in the last `since` seconds."""
        after = clock.now() - since
        found = (trainings_of(master.declared, master.memory, after) for master in self._driven())
        return {training.key: training for of_one in found for training in of_one}

    def show_checkpoint(self, uid: str, found: CheckpointLook) -> None:
        """What a look for a job's newest one came to."""
        if self.checkpoints.put(uid, found):
            self._ring(uid)

    def show_saved_model(self, uid: str, found: SavedModelLook) -> None:
        """What a look at a job's model came to."""
        if self.saved_models.put(uid, found):
            self._ring(uid)

    def keep_looks(self, trainings: Iterable[Training]) -> None:
        """What was found in these folders alone: a job that runs again has left no model yet."""
        by_kind: dict[bool, set[str]] = {False: set(), True: set()}
        for training in trainings:
            by_kind[training.model].add(training.uid)
        self.checkpoints.keep_only(by_kind[False])
        self.saved_models.keep_only(by_kind[True])

    def reporting(self) -> Mapping[str, tuple[str, Mapping[str, int]]]:
        """Jobs whose processes may report: the token of each, and its replicas by role."""
        found = (
            (m.memory.uid, self.reports.allowed(m.memory, m.shown.status if m.shown else None))
            for m in self._driven()
        )
        return {uid: told for uid, told in found if told}

    def heard_of(self, uid: str) -> None:
        """Processes of it have reported for the first time."""
        self._ring(uid)
