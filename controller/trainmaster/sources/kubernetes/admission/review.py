"""What is said of a job that somebody creates or edits: the rules of `trainmaster validate`, and the policy. Pure.

An edit is judged by what it changes: what was wrong before is only warned of, so that a job whose rules have changed can still
be suspended, relabelled and deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trainmaster.api.documents import read_object
from trainmaster.api.job import RestartScope, TrainingJob, immutable_fields, restart_fields
from trainmaster.api.rules import immutable_changes
from trainmaster.api.status import FieldProblem
from trainmaster.frameworks import default_scope, holds_addresses, restarts_when_scaled
from trainmaster.settings import PolicyRule
from trainmaster.sources.kubernetes import claims
from trainmaster.sources.kubernetes.admission.envelope import Object, Request, Verdict
from trainmaster.sources.kubernetes.objects import FINALIZER
from trainmaster.sources.kubernetes.records import INSTALLATION
from trainmaster.sources.policy import may_run_in, user_of_namespace

LET_THROUGH = Verdict()

_STANDIN = "00000"
"""for the end that the API server gives to a generateName only after the mutating webhooks"""
_LONGEST_PREFIX = 58
"""letters of a generateName that it keeps, so that a name has 63 at most (maxGeneratedNameLength in
k8s.io/apiserver/pkg/storage/names/generate.go)"""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One controller's judgement of jobs in the namespaces that it drives; others are no business of its."""

    policy: tuple[PolicyRule, ...] = ()
    namespaces: tuple[str, ...] = ()
    """empty: all"""
    installation: Callable[[], str] = str
    """whose the controller is; empty while that isn't known"""
    advise: Callable[[TrainingJob], str] = lambda _: ""
    """what keeps a job from starting as YARN is now; empty where nothing does, or where that isn't known"""

    def validate(self, request: Request) -> Verdict:
        """Whether a job may be as it is now declared."""
        new, old = request.new, request.old
        if new is None or not self._drives(request) or _is_going(new) or _same_spec(new, old):
            return LET_THROUGH
        job, problems, denied = self._judged(request, new)
        if old is None:
            return Verdict(problems, denied, () if problems or job is None else self._advice(job))
        before, known, _ = self._judged(request, old)
        changed = self._changed(request.namespace, before, job)
        news = (*changed, *(problem for problem in problems if problem not in known))
        if news:
            return Verdict(news, denied and not changed)
        advice = self._advice(job) if job and not _is_true(old, "Finished") else ()
        return Verdict(warnings=(*map(str, problems), *_effects(old, before, job), *advice))

    def mutate(self, request: Request) -> Verdict:
        """What a new job is given: the finalizer, and the name of who drives it, which spare the controller a write before it
        opens an application. A name that comes with it was another object's, or of a webhook that was asked before this one.

        What can't be read is refused here already: this webhook is asked before the API server looks at the schema, whose words
        for somebody who wrote `limits` or `replicas: "2"` are about its own working.

        Nothing else is filled in. What isn't in somebody's file would come back as a difference with every `kubectl replace`,
        and a user or a queue that was written here could never be changed again. A job that can't be read isn't held.
        """
        new = request.new
        if new is None or request.operation != "CREATE" or not self._drives(request) or _is_going(new):
            return LET_THROUGH
        job, problems = read_object(_named(new))
        if job is None:
            return Verdict(problems)
        metadata = new.get("metadata") or {}
        return Verdict(patch=(*_held(metadata), *_claimed(metadata, self.installation())))

    def _advice(self, job: TrainingJob) -> tuple[str, ...]:
        """No refusal: queues and nodes may come, and GitOps declares jobs in any order."""
        hopeless = self.advise(job)
        return (f"as YARN is now, this job doesn't start: {hopeless}",) if hopeless else ()

    def _drives(self, request: Request) -> bool:
        return not self.namespaces or request.namespace in self.namespaces

    def _judged(
        self, request: Request, document: Object
    ) -> tuple[TrainingJob | None, tuple[FieldProblem, ...], bool]:
        """The job, what is wrong with it, and whether that is only that it may not run here as it wants."""
        job, problems = read_object(_named(document))
        if job is None:
            return None, problems, False
        denied = may_run_in(request.namespace, job.spec.user, job.spec.queue, self.policy)
        return job, (denied,) if denied else (), bool(denied)

    def _changed(
        self, namespace: str, before: TrainingJob | None, job: TrainingJob | None
    ) -> tuple[FieldProblem, ...]:
        if before is None or job is None:
            return ()
        user = user_of_namespace(namespace, self.policy)
        return immutable_changes(immutable_fields(before, user), job, user)


def _held(metadata: Object) -> Iterator[Object]:
    finalizers = metadata.get("finalizers")
    if FINALIZER not in (finalizers or ()):
        path, value = (
            ("/metadata/finalizers/-", FINALIZER) if finalizers else ("/metadata/finalizers", [FINALIZER])
        )
        yield {"op": "add", "path": path, "value": value}


def _claimed(metadata: Object, installation: str) -> Iterator[Object]:
    annotations = metadata.get("annotations") or {}
    if not installation or annotations.get(INSTALLATION) == installation:
        return
    if annotations:
        yield {"op": "add", "path": claims.PATH, "value": installation}
    else:
        yield {"op": "add", "path": "/metadata/annotations", "value": {INSTALLATION: installation}}


def _effects(old: Object, before: TrainingJob | None, job: TrainingJob | None) -> Iterator[str]:
    """What an edit that is let through does, where that may surprise."""
    if _is_true(old, "Finished"):
        yield from _of_ended(old, job)
        return
    if before and job and job.spec.run_policy.rerun > before.spec.run_policy.rerun:
        yield "the job has not ended: raising runPolicy.rerun changes nothing"
    if before and job and _runs(old) and _restarts(before, job):
        yield "this edit restarts all processes of the job once"


def _of_ended(old: Object, job: TrainingJob | None) -> Iterator[str]:
    """As plan/again.py does it: a number above that of the last run has it run again."""
    said = _status(old).get("rerun")
    last = said if isinstance(said, int) else 0
    if job is None or job.spec.run_policy.rerun <= last:
        yield f"the job has ended: this edit starts nothing until runPolicy.rerun is raised above {last}"
    elif job.spec.run_policy.suspend:
        yield "the job runs again once runPolicy.suspend, which is true, is false"


def _restarts(before: TrainingJob, job: TrainingJob) -> bool:
    """As plan/note.py does it: an edited restart field, or another number of replicas where processes are told it."""
    if restart_fields(before) != restart_fields(job):
        return True
    old, new = _replicas(before), _replicas(job)
    scaled = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    return restarts_when_scaled(job) and not all(_joins(job, name, old.get(name, 0)) for name in scaled)


def _joins(job: TrainingJob, name: str, number: int) -> bool:
    """Whether more replicas of a role just begin beside those that run: elastic ones, of which each is lost alone as well."""
    role = job.spec.roles.get(name)
    if role is None or role.elastic is None or not role.elastic.min <= number < role.replicas:
        return False
    scope = role.restart_scope or default_scope(job, name)
    return scope is not RestartScope.JOB and not holds_addresses(job, name, number)


def _replicas(job: TrainingJob) -> dict[str, int]:
    return {name: role.replicas for name, role in job.spec.roles.items()}


def _runs(shown: Object) -> bool:
    roles = _status(shown).get("roles")
    return isinstance(roles, dict) and any(
        isinstance(role, dict) and role.get("running") for role in roles.values()
    )


def _is_true(shown: Object, condition: str) -> bool:
    conditions = _status(shown).get("conditions")
    return isinstance(conditions, list) and any(
        isinstance(c, dict) and c.get("type") == condition and c.get("status") == "True" for c in conditions
    )


def _status(shown: Object) -> Object:
    """What is written there nobody has looked at yet: an API server holds objects against their schema after this."""
    status = shown.get("status")
    return status if isinstance(status, dict) else {}


def _is_going(document: Object) -> bool:
    return bool((document.get("metadata") or {}).get("deletionTimestamp"))


def _same_spec(new: Object, old: Object | None) -> bool:
    return old is not None and old.get("spec") == new.get("spec")


def _named(document: Object) -> Object:
    """The document with the kind of name that it will have, where it leaves that to the API server."""
    metadata = document.get("metadata") or {}
    if metadata.get("name") or not metadata.get("generateName"):
        return document
    return {
        **document,
        "metadata": {**metadata, "name": f"{metadata['generateName'][:_LONGEST_PREFIX]}{_STANDIN}"},
    }
