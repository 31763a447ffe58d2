"""What quotas count: amounts, the shares of namespaces, users and queues, and what jobs claim of them. Pure.

Never here: what a job asks for or holds (holdings.py), or whose turn it is (ledger.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import add, sub
from typing import NamedTuple

NO_LIMIT = 1 << 62


class Amount(NamedTuple):
    """What a job holds or wants, or what a share may give."""

    declared: int = 0
    jobs: int = 0
    replicas: int = 0
    gpus: int = 0
    vcores: int = 0
    memory: int = 0
    """MiB"""


NOTHING = Amount()
KINDS = range(len(Amount._fields))
MEMORY = Amount._fields.index("memory")
_WORDS = ("declared job", "job", "replica", "GPU", "vcore")


def plus(a: Amount, b: Amount) -> Amount:
    return Amount(*map(add, a, b))


def minus(a: Amount, b: Amount) -> Amount:
    return Amount(*map(sub, a, b))


def most_of(a: Amount, b: Amount) -> Amount:
    """The larger of both in each kind."""
    return Amount(*map(max, a, b))


def least_of(a: Amount, b: Amount) -> Amount:
    """The smaller of both in each kind."""
    return Amount(*map(min, a, b))


def counted(number: int, kind: int) -> str:
    """Such as: 8 GPUs"""
    if kind == MEMORY:
        return f"{_memory(number)} of memory"
    return f"{number} {_WORDS[kind]}{'' if number == 1 else 's'}"


def amount(number: int, kind: int) -> str:
    """The same where it is clear what is counted."""
    return _memory(number) if kind == MEMORY else str(number)


def _memory(mebibytes: int) -> str:
    return f"{mebibytes}Mi" if mebibytes % 1024 else f"{mebibytes // 1024}Gi"


@dataclass(frozen=True, slots=True)
class Share:
    """What the jobs of one namespace, user or queue may hold together."""

    key: tuple[int | str, ...]
    """the number of its quota in the settings, and whose it is"""
    name: str
    """as a sentence names it, such as: namespace team-a"""
    most: Amount


@dataclass(frozen=True, slots=True)
class Claim:
    """One job."""

    uid: str
    namespace: str
    name: str
    """namespace/name, for people"""
    since: float
    """when it came, in seconds since the epoch"""
    shares: tuple[Share, ...]
    """those that it counts in, in the order of the settings"""
    held: Amount
    """what it holds, or was let in for"""
    wants: Amount | None
    """what it is to hold in all; None of a job that nothing is wanted for"""

    needs: Amount = field(init=False)
    """what it is still to be given"""

    def __post_init__(self) -> None:
        needs = NOTHING if self.wants is None else most_of(minus(self.wants, self.held), NOTHING)
        object.__setattr__(self, "needs", needs)

    @property
    def order(self) -> tuple[float, str, str]:
        """By arrival. Kubernetes keeps whole seconds, so those of one second go by name: each controller must find the same."""
        return self.since, self.name, self.uid


@dataclass(frozen=True, slots=True)
class QuotaTurn:
    """Whether quotas let a job in, or its newest edit."""

    may: bool = True
    words: str = ""
    """what is in the way, for people"""
    never: bool = False
    """whether it asks for more than a quota allows in all"""


FREE = QuotaTurn()


def beyond(claim: Claim) -> QuotaTurn | None:
    """That a job asks for more than one of its shares may give; None where it doesn't, or holds that already."""
    if claim.wants is None:
        return None
    needs = claim.needs
    for share in claim.shares:
        for kind in KINDS:
            if needs[kind] and claim.wants[kind] > share.most[kind]:
                allowed, wanted = counted(share.most[kind], kind), amount(claim.wants[kind], kind)
                return QuotaTurn(
                    False, f"{share.name} may hold {allowed}; this job wants {wanted}", never=True
                )
    return None
