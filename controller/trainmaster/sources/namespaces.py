"""Whose a namespace is, where anybody may write any name of one into his file. Pure.

Whoever may not declare jobs in a namespace takes no name in it either: his file gives no job, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from trainmaster.api.status import FieldProblem
from trainmaster.settings import NamespaceRule
from trainmaster.sources.reading import FileRead

Guard = Callable[[FileRead], FileRead]


def as_it_is(read: FileRead) -> FileRead:
    """Where all namespaces are open."""
    return read


def guard(rules: Sequence[NamespaceRule]) -> Guard:
    """What takes the job out of a document whose owner may not declare it."""
    if not rules:
        return as_it_is

    def guarded(read: FileRead) -> FileRead:
        reason = refusal(rules, read.namespace, read.entry.owner) if read.job else ""
        if read.job is None or not reason:
            return read
        problem = FieldProblem(field="metadata.namespace", value=read.namespace, reason=reason)
        return replace(read, job=None, problems=(problem,), suspends=read.job.spec.run_policy.suspend)

    return guarded


def refusal(rules: Sequence[NamespaceRule], namespace: str, owner: str) -> str:
    """Why files of this owner may declare no job there; empty when they may."""
    ours = [rule for rule in rules if fnmatchcase(namespace, rule.namespace)]
    owners = [each.replace("{namespace}", namespace) for rule in ours for each in rule.owners]
    if not ours or any(fnmatchcase(owner, each) for each in owners):
        return ""
    who = ", ".join(dict.fromkeys(owners)) or "nobody"
    return f"{owner} may not declare jobs in {namespace}: the setting `namespaces` lets {who}"
