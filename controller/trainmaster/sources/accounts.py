"""Users and groups as this machine knows them (passwd, LDAP and the like by its name service). Never here: what anybody may.

What was found counts for a minute: people come into groups and leave them. Where the service then knows nothing of somebody it
knew, it is away, and what it said last counts on.
"""

from __future__ import annotations

import grp
import os
import pwd
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

FRESH = 60.0
"""seconds until it is asked anew"""
MOST = 1024
"""answers of one kind that are kept: of those that were asked for the first time last"""


class Remembered(Generic[P, T]):
    """Answers to one kind of question, None where none was ever known. May be asked by threads."""

    def __init__(self, ask: Callable[P, T], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`ask` raises KeyError for what isn't known."""
        self._ask, self._monotonic = ask, monotonic
        self._known: dict[object, tuple[float, T | None]] = {}
        self._lock = threading.Lock()

    def __call__(self, *about: P.args, **more: P.kwargs) -> T | None:
        at, answer = self._known.get(about, (-inf, None))
        now = self._monotonic()
        if now - at < FRESH:
            return answer
        with suppress(KeyError):
            answer = self._ask(*about, **more)
        with self._lock:
            self._known[about] = now, answer
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]
        return answer


@dataclass(frozen=True, slots=True)
class Who:
    """A user as permission bits mean him."""

    uid: int | None
    groups: frozenset[int]


STRANGER = Who(None, frozenset())
"""whom this machine doesn't know: only that he is neither owner nor in a group"""


def name_of(uid: int) -> str:
    """The number itself where nobody has it."""
    return _names(uid) or str(uid)


def uid_of(name: str) -> int:
    """What `name_of` told back into the number. KeyError where there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        if not name.isdecimal():
            raise
        return int(name)


def who_is(user: str) -> Who:
    """With the groups that he is in now, or a minute ago."""
    return _users(user) or STRANGER


def is_own_group(owner: str, gid: int) -> bool:
    """A user private group (Debian's default) holds nobody but its user: writable by it is not "by others"."""
    return bool(_own_groups(owner, gid))


def _found(user: str) -> Who:
    known = pwd.getpwnam(user)
    # Not a list of all groups: most services have too many to tell.
    return Who(known.pw_uid, frozenset(os.getgrouplist(user, known.pw_gid)))


def _holds_nobody_else(owner: str, gid: int) -> bool:
    group = grp.getgrgid(gid)
    return group.gr_name == owner and set(group.gr_mem) <= {owner}


_names = Remembered(lambda uid: pwd.getpwuid(uid).pw_name)
_users = Remembered(_found)
_own_groups = Remembered(_holds_nobody_else)
