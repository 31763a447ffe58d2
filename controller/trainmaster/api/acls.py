"""Who may look at a job's application in YARN and who may end it, beside its user and YARN's administrators. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from trainmaster.api.base import Model

EVERYBODY = "*"
USER = r"^([*]|[A-Za-z_][A-Za-z0-9_.@$-]*)$"
# Not the pattern of a user's name to the letter: by its text a pattern is told in words (complaints.py).
GROUP = r"^[A-Za-z_][A-Za-z0-9_.@$-]{0,127}$"

UserName = Annotated[str, Field(pattern=USER, max_length=128)]
GroupName = Annotated[str, Field(pattern=GROUP, max_length=128)]


class Acl(Model):
    """Users and groups, as YARN knows them."""

    users: Annotated[tuple[UserName, ...], Field(max_length=64)] | None = None
    """Names of users; * for everybody. Left out: none."""
    groups: Annotated[tuple[GroupName, ...], Field(max_length=64)] | None = None
    """Names of groups. Left out: none."""

    @property
    def text(self) -> str:
        """In YARN's words."""
        return f"{','.join(self.users or ())} {','.join(self.groups or ())}".rstrip()


class Acls(Model):
    """Who else has rights on the job's application, where the cluster checks any (yarn.acl.enable)."""

    view: Acl | None = None
    """Who may see it and read its logs. Left out: nobody."""
    modify: Acl | None = None
    """Who may end it and change its priority, by YARN's own means. Left out: nobody."""


def together(texts: Iterable[str]) -> str:
    """All of these, each as YARN writes it: users by commas, a blank, groups by commas (AccessControlList); empty for nobody."""
    users, groups = dict[str, None](), dict[str, None]()
    for text in texts:
        first, _, second = text.partition(" ")
        users |= dict.fromkeys(filter(None, (each.strip() for each in first.split(","))))
        groups |= dict.fromkeys(filter(None, (each.strip() for each in second.split(","))))
    if EVERYBODY in users:
        return EVERYBODY  # YARN takes it so only if it stands alone
    return f"{','.join(users)} {','.join(groups)}".rstrip()
