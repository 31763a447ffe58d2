"""Whose a namespace is where jobs are files: nobody takes a name in another's, and what runs goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.building import GRACE, LEASE, Clock, job_text, only, put
from sources.test_registry import World
from trainmaster.api.declared import Declared
from trainmaster.settings import NamespaceRule, Settings
from trainmaster.sources.folder import FolderSource
from trainmaster.sources.namespaces import guard, refusal

RULES = (
    NamespaceRule(namespace="team-*", owners=("{namespace}", "root-*")),
    NamespaceRule(namespace="vision", owners=("alice",)),
    NamespaceRule(namespace="vision", owners=("bob",)),
    NamespaceRule(namespace="closed", owners=()),
)


class Guarded(World):
    """The registry beside the rules."""

    rules: tuple[NamespaceRule, ...] = RULES

    def look(self, seconds: float = 0.0) -> dict[str, Declared]:
        asked, self.files = self.files, {p: guard(self.rules)(read) for p, read in self.files.items()}
        try:
            return super().look(seconds)
        finally:
            self.files = asked


@pytest.mark.parametrize(
    ("owner", "namespace", "who"),
    [
        ("alice", "vision", ""),
        ("bob", "vision", ""),
        ("carol", "vision", "alice, bob"),
        ("team-a", "team-a", ""),
        ("team-b", "team-a", "team-a, root-*"),
        ("root-1", "team-a", ""),
        ("carol", "open", ""),
        ("carol", "closed", "nobody"),
    ],
)
def test_who_may_declare_jobs_where(owner: str, namespace: str, who: str) -> None:
    said = f"{owner} may not declare jobs in {namespace}: the setting `namespaces` lets {who}" if who else ""
    assert refusal(RULES, namespace, owner) == said


def test_nobody_takes_a_name_in_anothers_namespace() -> None:
    world = Guarded()
    world.put("mine.yaml", job_text("mnist", "vision"), "mallory")
    squatter = only(world.look())
    assert squatter.job is None
    assert [str(p) for p in squatter.problems] == [
        "metadata.namespace: mallory may not declare jobs in vision: the setting `namespaces` lets alice, bob"
    ]
    world.put("vision/mnist.yaml", job_text(), "alice")
    found = {d.owner: d for d in world.look().values()}
    assert found["alice"].job
    assert not found["alice"].duplicate_of
    assert found["mallory"].job is None


def test_what_ran_before_there_was_a_rule_goes_on_and_says_so() -> None:
    world = Guarded()
    world.rules = ()
    world.put("mine.yaml", job_text("mnist", "vision"), "mallory")
    before = only(world.look())
    world.rules = RULES
    after = only(world.look(GRACE * 9))
    assert after.uid == before.uid
    assert after.job == before.job
    assert not after.deleted
    assert "mallory may not declare jobs in vision" in str(after.problems[0])


async def test_the_folder_goes_by_the_setting(tmp_path: Path) -> None:
    rules = (NamespaceRule(namespace="vision", owners=("somebody-else",)),)
    settings = Settings(deletion_grace=GRACE, lease_duration=LEASE, namespaces=rules)
    made = FolderSource(f"file://{tmp_path}", settings, Clock())
    made._files.settle = 0.0
    assert await made.lease.acquire()
    made.adopt({})
    put(tmp_path, "vision/mnist.yaml", job_text())
    await made.look()
    declared = only(await made.look())
    assert declared.job is None
    assert declared.problems[0].field == "metadata.namespace"
