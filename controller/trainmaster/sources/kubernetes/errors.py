"""The one place where an answer of the API server becomes one of the project's error families.

Never here: a retry, or the body of a Secret: of what was sent, errors name the path alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from trainmaster.errors import DeniedError, RefusedError, TrainmasterError, UnavailableError
from trainmaster.json_text import loads
from trainmaster.sources.kubernetes.resources import SECRETS, Resource

_LONGEST_WORDS = 1000
_LACKS_RIGHT = re.compile(r'User "(?P<who>[^"]*)" cannot (?P<verb>[a-z]*)')
"""how the API server's authorizer speaks (apiserver's responsewriters.ForbiddenStatusError); quotas and namespaces that end
refuse with 403 too, and then no right is missing"""


@dataclass(frozen=True, slots=True)
class Cause:
    """What of an object an answer is about."""

    field: str
    message: str


class NotFoundError(RefusedError):
    """There is no such object, namespace or kind of object."""


class CausedError(RefusedError):
    """An answer that names fields."""

    causes: tuple[Cause, ...] = ()


class BrokenRuleError(CausedError):
    """The object would break a rule of its definition, or of a webhook."""


class ConflictError(CausedError):
    """The object has changed since it was read, a field of it is somebody else's, or it exists already (`kind` is Conflict or
    AlreadyExists)."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked of the API server, in the words in which rights are granted."""

    verb: str
    """get, list, create, update, patch or delete"""
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.right}{named}{self.place}"

    @property
    def right(self) -> str:
        """The kind of object as a rule in a Role names it, with its group."""
        kind = f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural
        return f"{kind} of {self.resource.group}" if self.resource.group else kind

    @property
    def place(self) -> str:
        return f" in namespace {self.namespace}" if self.namespace else ""

    def lacked_by(self, who: str) -> str:
        """The sentence that tells which right is missing."""
        named = f" named {self.name}" if self.name else ""
        where = self.place or " in the whole cluster"
        return f"{who} lacks the right to {self.verb} {self.right}{named}{where}"


def refusal(call: Call, status: int, body: bytes, who: str) -> TrainmasterError:
    """What an answer that isn't a success means. `who` says which credentials were shown, never their secret."""
    told = _told(body)
    kind = str(told.get("reason") or status)
    words = f"{call}: {_words(call, told)}"
    if status == 401:
        return DeniedError(
            kind, f"{call}: the API server doesn't know us: the credentials of {who} are not valid (any more)"
        )
    if status == 403:
        return DeniedError(kind, _denied(call, str(told.get("message", "")), who))
    if status == 404:
        return NotFoundError(kind, words if told else f"{call}: the API server serves no such kind of object")
    if status == 409:
        return _caused(ConflictError(kind, words), told)
    if status == 422:
        return _caused(BrokenRuleError(kind, words), told)
    if status == 429 or status >= 500 or status < 400:
        return UnavailableError(f"the API server answered {status} to {words}")
    return RefusedError(kind, words)


def _denied(call: Call, message: str, who: str) -> str:
    found = _LACKS_RIGHT.search(message)
    if not found:
        return f"{call}: {message[:_LONGEST_WORDS]}"
    # A patch that would make the object needs another right than the one that was asked with.
    return replace(call, verb=found["verb"] or call.verb).lacked_by(f"{found['who']} ({who})")


def _words(call: Call, told: dict[str, Any]) -> str:
    """The server's own words; of a Secret only which fields it means, since its words may quote what was sent."""
    if call.resource != SECRETS:
        return str(told.get("message", "it gave no reason"))[:_LONGEST_WORDS]
    fields = ", ".join(cause.field for cause in _causes(told))
    return f"{told.get('reason', 'it gave no reason')} {fields}".strip()


def _caused(error: CausedError, told: dict[str, Any]) -> CausedError:
    error.causes = _causes(told)
    return error


def _causes(told: dict[str, Any]) -> tuple[Cause, ...]:
    details = told.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    found = (c for c in causes if isinstance(c, dict)) if isinstance(causes, list) else ()
    pairs = ((str(c.get("field")), str(c.get("message"))) for c in found)
    return tuple(Cause(field, message) for field, message in pairs)


def _told(body: bytes) -> dict[str, Any]:
    """The Status object in an answer (apimachinery's metav1.Status); nothing where a proxy answered something else."""
    try:
        found = loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}
