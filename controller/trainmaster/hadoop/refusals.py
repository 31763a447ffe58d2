"""From Hadoop's exceptions to the project's error families, in one place.

Lives here: the Java class names that callers tell apart (as RefusedError.kind), and which of them mean "ask
again later" or "you may not". Never here: what to do about them.
"""

from __future__ import annotations

import re

from trainmaster.errors import DeniedError, NotDoneError, RefusedError, TrainmasterError
from trainmaster.hadoop.kerberos.principals import short

YARN = "org.apache.hadoop.yarn."
"""where the exceptions come from by which YARN refuses; others (a NullPointerException, say) are trouble of its own"""
_YARN = YARN + "exceptions."

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
INVALID_AUX_SERVICE = _YARN + "InvalidAuxServiceException"
INVALID_RELEASE = _YARN + "InvalidContainerReleaseException"
INVALID_TOKEN = "org.apache.hadoop.security.token.SecretManager$InvalidToken"  # noqa: S105

_NOT_THE_JOBS = (
    # The ResourceManager that granted it was another one than today's, or has not met this node yet.
    (INVALID_CONTAINER, ""),
    # Signed with a key that its node doesn't know (any more), after restarts of both
    # (NMContainerTokenSecretManager.retrievePassword, ContainerManagerImpl.verifyAndGetContainerTokenIdentifier).
    (INVALID_TOKEN, "Given Container "),
    (INVALID_TOKEN, "Invalid container token"),
    (INVALID_AUX_SERVICE, ""),
    # A start that was put off for longer than the ResourceManager waits, or for a node whose clock is wrong
    # (yarn.resourcemanager.rm.container-allocation.expiry-interval-ms).
    (YARN_EXCEPTION, "This token is expired"),
    (YARN_EXCEPTION, "NodeManager is in the process of shutting down"),
    # Of the master, not of what it starts (selectNMTokenIdentifier, authorizeUser).
    (YARN_EXCEPTION, "Invalid NMToken"),
    (YARN_EXCEPTION, "Invalid ContainerToken"),
    (YARN_EXCEPTION, "Expected applicationAttemptId"),
    (YARN_EXCEPTION, "issued for application attempt"),
)
"""exception and words by which ContainerManagerImpl.startContainers refuses a start, whatever was to be started"""
_STANDBY = "org.apache.hadoop.ipc.StandbyException"
_LATER = {
    "org.apache.hadoop.ipc.RetriableException",
    "org.apache.hadoop.hdfs.server.namenode.SafeModeException",
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
_NO_PROXY = re.compile(r"User: (\S+)(?: \(auth:\w+\))?.* is not allowed to impersonate (\S+)")
_NOT_FROM_HERE = re.compile(r"Unauthorized connection for super-user: (\S+).* from IP (\S+)")
_REFRESH = "it is read again by yarn rmadmin, or hdfs dfsadmin, -refreshSuperUserGroupsConfiguration"
_INNER = re.compile(r"^([a-z][\w.]*\.[A-Z][\w$]*(?:Exception|Error|InvalidToken)): *", re.ASCII)
_LONGEST = 1000
_LOOKED_AT = 64 * _LONGEST
"""characters of a message: an answer may have a hundred million of them"""


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
    return (DeniedError if kind in _DENIED else RefusedError)(kind, _with_cure(words) or "no reason given")


def _with_cure(words: str) -> str:
    """What an administrator of the cluster has to add, where it doesn't take us for a proxy (DefaultImpersonationProvider)."""
    if match := _NO_PROXY.search(words):
        who, whom = short(match[1]), match[2]
        line = f"hadoop.proxyuser.{who}.users with {whom} in its value, or .groups with a group of {whom}"
    elif match := _NOT_FROM_HERE.search(words):
        line = f"hadoop.proxyuser.{short(match[1])}.hosts with {match[2]} in its value"
    else:
        return words
    return f"{words}: add {line} to core-site.xml of the daemon that says so ({_REFRESH})"


def says_nothing_of_the_job(error: RefusedError) -> bool:
    """Whether a NodeManager's no to a start is about the grant, the node or us: another container may be had for the asking."""
    return any(error.kind == kind and words in error.message for kind, words in _NOT_THE_JOBS)


def _words(text: str) -> str:
    """The message without its stack trace, on one line."""
    lines = (line.strip() for line in text[:_LOOKED_AT].split("\n\tat ", 1)[0].splitlines())
    return " ".join(filter(None, lines))[:_LONGEST]
