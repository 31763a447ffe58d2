"""From Hadoop's exceptions to the project's error families, in one place.

Lives here: the Java class names that callers tell apart (as RefusedError.kind), and which of them mean "ask
again later" or "you may not". Never here: what to do about them.
"""

from __future__ import annotations

import re

from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError

_YARN = "org.apache.hadoop.yarn.exceptions."

YARN_EXCEPTION = _YARN + "YarnException"
"""the family name; mostly with another exception's name inside its message"""

NOT_REGISTERED = _YARN + "ApplicationMasterNotRegisteredException"
"""the ResourceManager was restarted (or we left): register again with the same token"""
WRONG_RESPONSE_ID = _YARN + "InvalidApplicationMasterRequestException"
"""the heartbeat's response_id is neither the next nor the last one: another master has gone on with this
application"""
ATTEMPT_NOT_FOUND = _YARN + "ApplicationAttemptNotFoundException"
"""the ResourceManager has ended the attempt"""
APPLICATION_NOT_FOUND = _YARN + "ApplicationNotFoundException"
INVALID_ASK = _YARN + "InvalidResourceRequestException"
"""one line of the ask table is impossible; the whole call was thrown out"""
INVALID_CONTAINER = _YARN + "InvalidContainerException"
"""a NodeManager's no to a start: the ResourceManager that granted it was another one than today's, or has not met it yet"""
INVALID_RELEASE = _YARN + "InvalidContainerReleaseException"
INVALID_TOKEN = "org.apache.hadoop.security.token.SecretManager$InvalidToken"  # noqa: S105

_STANDBY = "org.apache.hadoop.ipc.StandbyException"
_LATER = {
    "org.apache.hadoop.ipc.RetriableException",
    # A NodeManager that has not yet heard from a restarted ResourceManager.
    _YARN + "NMNotYetReadyException",
}
_DENIED = {
    INVALID_TOKEN,
    "java.security.AccessControlException",
    "javax.security.sasl.SaslException",
    "org.apache.hadoop.security.AccessControlException",
    "org.apache.hadoop.security.authorize.AuthorizationException",
}
_INNER = re.compile(r"^([a-z][\w.]*\.[A-Z][\w$]*(?:Exception|Error|InvalidToken)): *", re.ASCII)
_LONGEST = 1000


class StandbyError(NotDoneError):
    """This server is a standby; another one may be active."""


def refusal(kind: str, text: str) -> TrainmasterError:
    """The error for one answer of a server: its Java class and its message, which may carry a whole stack
    trace."""
    words = _words(text)
    while match := _INNER.match(words):
        # ServiceException and YarnException wrap what really happened and put its name into their message.
        kind = match[1] if kind in (YARN_EXCEPTION, match[1]) else kind
        words = words[match.end() :]
    if kind == _STANDBY:
        return StandbyError(words)
    if kind in _LATER:
        return NotDoneError(words)
    return (DeniedError if kind in _DENIED else RefusedError)(kind, words or "no reason given")


def _words(text: str) -> str:
    """The message without its stack trace, on one line."""
    lines = (line.strip() for line in text.split("\n\tat ", 1)[0].splitlines())
    return " ".join(filter(None, lines))[:_LONGEST]
