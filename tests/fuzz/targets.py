"""All that is fuzzed, by name."""

from __future__ import annotations

from fuzz import hadoop_targets, job_targets, people_targets, wire_targets
from fuzz.target import Target

TARGETS: dict[str, Target] = {
    each.name: each
    for module in (wire_targets, hadoop_targets, job_targets, people_targets)
    for each in module.TARGETS
}
