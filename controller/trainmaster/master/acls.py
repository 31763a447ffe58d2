"""Who may look at an application and end it: what the job and the settings say, in YARN's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from trainmaster.api.acls import together
from trainmaster.api.job import TrainingJob
from trainmaster.plan.memory import ApplicationMemory
from trainmaster.settings import AclRule

NAMESPACE = "{namespace}"


def acls_of(namespace: str, job: TrainingJob | None, rules: Iterable[AclRule]) -> tuple[str, str]:
    """Those who may view and who may modify, of an application that is to be submitted."""
    own = job.spec.acls if job else None
    first, second = (own.view, own.modify) if own else (None, None)
    ours = [rule for rule in rules if fnmatchcase(namespace, rule.namespace)]
    view = together([first.text if first else "", *(rule.view for rule in ours)])
    modify = together([second.text if second else "", *(rule.modify for rule in ours)])
    return view.replace(NAMESPACE, namespace), modify.replace(NAMESPACE, namespace)


def acls_in(application: ApplicationMemory | None, viewer: str) -> tuple[str, str]:
    """The same of its containers, whose logs NodeManagers show: as it was submitted, and to `viewer` (us)."""
    view, modify = (application.view_acl, application.modify_acl) if application else ("", "")
    return together([view, viewer]), modify
