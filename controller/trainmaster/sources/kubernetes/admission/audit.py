"""The log's lines of who declared what: only at its admission the API server tells who somebody is."""

from __future__ import annotations

import logging

from trainmaster.sources.kubernetes.admission.envelope import Request, Verdict

log = logging.getLogger(__name__)

LONGEST = 256
"""letters of a user's name"""


def note(request: Request, verdict: Verdict) -> None:
    """One line for each job that somebody creates or edits, or may not. Nothing of what was written in it is said."""
    new, old = request.new, request.old
    if new is None or request.dry_run or (old is not None and new.get("spec") == old.get("spec")):
        return
    what = "a declaration was refused" if verdict.problems else "a job was declared"
    name = request.name or str((new.get("metadata") or {}).get("generateName", ""))
    who = {"declared_by": request.user[:LONGEST], "operation": request.operation}
    log.info(what, extra={"namespace": request.namespace, "job": name, **who})
