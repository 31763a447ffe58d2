"""The template of a framework of one's own: variables with placeholders, and the one grammar that they are read by.

Lives here: what a placeholder may say. Never here: what stands for it (frameworks/custom.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trainmaster.api.base import ENV_NAME, Model, RoleName, Text

OWN = ("role", "index", "rank", "run", "host", "port", "address", "gpus")
"""of the process itself"""
WHOLE = ("world", "job", "namespace")
"""of the job"""
LISTS = ("addresses", "hosts", "ports")
"""of all replicas of a role, by index; parted by commas, or with json before them a JSON list"""
PARTS = ("address", "host", "port")
"""of the first replica of a role"""
FORMS = (
    *OWN,
    *WHOLE,
    "addresses ROLE",
    "hosts ROLE",
    "ports ROLE",
    "json addresses ROLE",
    "json hosts ROLE",
    "json ports ROLE",
    "first ROLE address",
    "first ROLE host",
    "first ROLE port",
    "replicas ROLE",
)
"""all that a placeholder may be"""
_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")


class TemplateVariable(Model):
    """One variable that tells a process about the others."""

    name: Annotated[str, Field(pattern=ENV_NAME, max_length=256)]
    """Name of the variable. Names that begin with TRAINMASTER_ are the controller's own, and some, such as
    UID and RANDOM, bash's, which runs the command."""
    value: Annotated[Text, Field(max_length=4096)] = ""
    """Value, with placeholders such as {{rank}}, {{world}}, {{addresses worker}} and {{first worker host}};
    docs/frameworks.md lists them."""
    roles: Annotated[tuple[RoleName, ...], Field(max_length=32)] = ()
    """Roles that are told it. Left out: all."""

    def is_for(self, role: str) -> bool:
        """Whether the processes of a role are told it."""
        return not self.roles or role in self.roles


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What one placeholder asks for."""

    what: str
    """one of OWN, WHOLE, LISTS, or first or replicas"""
    role: str = ""
    part: str = ""
    """one of PARTS, for first"""
    json: bool = False


def placeholders(text: str) -> Iterator[tuple[str, Placeholder | None]]:
    """Each placeholder as written, without its braces, and what it asks for: None where it is none of FORMS."""
    return ((found[1], read(found[1])) for found in _PLACEHOLDER.finditer(text))


def loose(text: str) -> str:
    """From where on braces are opened that belong to no placeholder; empty where none are."""
    left = _PLACEHOLDER.sub(lambda found: " " * len(found[0]), text)
    at = left.find("{{")
    return "" if at < 0 else text[at:]


def fill(text: str, value: Callable[[Placeholder], str]) -> str:
    """The text with each placeholder replaced; one that can't be read stays as it is."""

    def put(found: re.Match[str]) -> str:
        asked = read(found[1])
        return found[0] if asked is None else value(asked)

    return _PLACEHOLDER.sub(put, text)


def read(words: str) -> Placeholder | None:
    """What the words between the braces ask for; None where they are none of FORMS."""
    match words.split():
        case [what] if what in (*OWN, *WHOLE):
            return Placeholder(what)
        case ["json", what, role] if what in LISTS:
            return Placeholder(what, role, json=True)
        case ["first", role, part] if part in PARTS:
            return Placeholder("first", role, part)
        case [what, role] if what in (*LISTS, "replicas"):
            return Placeholder(what, role)
    return None
