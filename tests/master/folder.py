"""A source of jobs that notes what it is asked to show, and fails as it is told."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from master.office import Leads, Store
from trainmaster.api.declared import Declared
from trainmaster.api.job import TrainingJob
from trainmaster.api.status import JobStatus
from trainmaster.errors import InvalidError
from trainmaster.master.beats import Beats
from trainmaster.plan.values import Event


class Folder:
    """A source that shows what it is given; `fail` says which of its calls fail: by the uid, or as look and tell."""

    name = "folder"
    pace = 0.25
    trouble = unable = ""
    late = 0.0
    foreign: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.lease = Leads()
        self.journal = Store(self.lease)
        self.jobs: dict[str, Declared] = {}
        self.shown: dict[str, JobStatus] = {}
        self.edited: set[str] = set()
        """jobs whose status somebody changed since it was shown"""
        self.publishes: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.fail: dict[str, Exception] = {}
        self.well_again: dict[str, float] = {}
        self.objects: dict[tuple[str, str, str], Mapping[str, bytes] | Exception] = {}
        """Secrets and ConfigMaps, by namespace, kind and name"""
        self.reads: Counter[tuple[str, str, str]] = Counter()
        self.told: defaultdict[str, list[str]] = defaultdict(list)

    def put(self, uid: str, of: TrainingJob) -> None:
        self.jobs[uid] = Declared("folder", "default", uid, uid, f"{uid}.yaml", "u", job=of)

    def adopt(self, known: Mapping[str, tuple[str, str]]) -> None:
        self.adopted = dict(known)

    async def look(self) -> Mapping[str, Declared]:
        if "look" in self.fail:
            raise self.fail["look"]
        return dict(self.jobs)

    async def publish(self, declared: Declared, status: JobStatus) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.publishes[declared.uid] += 1
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if declared.uid in self.fail:
            raise self.fail[declared.uid]
        self.shown[declared.uid] = status
        self.edited.discard(declared.uid)

    def ask(self, advise: Callable[[TrainingJob], str]) -> None:
        self.advise = advise

    async def cleared(self) -> Mapping[str, float]:
        return dict(self.well_again)

    async def identify(self) -> str:
        return "ours"

    def astray(self) -> Collection[str]:
        return [uid for uid in self.publishes if uid in self.edited]

    async def start(self) -> None:
        return

    async def run(self, _beats: Beats) -> None:
        await asyncio.Event().wait()

    async def changed(self, most: float) -> None:
        await asyncio.sleep(most)

    async def tell(self, declared: Declared, events: Sequence[Event]) -> None:
        if "tell" in self.fail:
            raise self.fail["tell"]
        self.told[declared.uid] += [event.message for event in events]

    async def values(self, namespace: str, kind: str, name: str) -> Mapping[str, bytes]:
        key = namespace, kind, name
        self.reads[key] += 1
        await asyncio.sleep(0.01)
        found = self.objects.get(key, InvalidError(f"{kind} {namespace}/{name} isn't there"))
        if isinstance(found, Exception):
            raise found
        return found

    async def close(self) -> None:
        return

    async def gone(self, declared: Declared) -> None:
        self.shown.pop(declared.uid, None)
        self.jobs.pop(declared.uid, None)

    async def remove(self, declared: Declared) -> None:
        self.jobs[declared.uid] = replace(declared, deleted=True)
