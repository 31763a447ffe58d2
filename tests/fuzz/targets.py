"""All that is fuzzed, by name."""

from __future__ import annotations

from fuzz import hadoop_targets, people_targets
from fuzz.target import Target

TARGETS: dict[str, Target] = {each.name: each for each in (*hadoop_targets.TARGETS, *people_targets.TARGETS)}
