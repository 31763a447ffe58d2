"""Controllers that write records: each with a lease of its own making, on one API server."""

from __future__ import annotations

from sources.kubernetes.line import Key, Line, Server
from trainmaster.master.codec import encode
from trainmaster.plan.memory import Memory
from trainmaster.sources.kubernetes.api import SECRETS
from trainmaster.sources.kubernetes.journal import KubernetesJournal
from trainmaster.sources.kubernetes.records import unpacked

UID = "0b1f3a52-6d0c-4a4e-9a3f-5e7d9c1b2a33"
TOKEN = "dG9rZW4tb2YtdGhlLW1hc3Rlcg=="


class Lead:
    """A lease as the test says."""

    superseded = False

    def __init__(self, epoch: int = 1) -> None:
        self.epoch = epoch
        self.answers = [True]

    def held(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Leader:
    """One controller: its line, its lease, its journal."""

    def __init__(self, server: Server, epoch: int = 1) -> None:
        self.line, self.lead = Line(server), Lead(epoch)
        self.journal = KubernetesJournal(self.line, "trainmaster", self.lead)


def record(text: str, uid: str = UID) -> bytes:
    return encode(Memory(uid, "vision", "mnist", document=text))


def key(uid: str = UID) -> Key:
    return SECRETS, "own", f"trainmaster-journal-{uid}"


def stored(server: Server, uid: str = UID) -> bytes:
    return unpacked(server.get(key(uid)))
