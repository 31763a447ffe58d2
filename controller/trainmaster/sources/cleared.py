"""Nodes that somebody has said to be well again: a mark for each, in a folder of the controller's own files.

Whoever may write there may say so: the controller's own user, and administrators. Never here: what becomes of it
(plan/avoidance.py, plan/suspects.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from trainmaster.errors import InvalidError
from trainmaster.json_text import loads
from trainmaster.sources.files import Files
from trainmaster.sources.walking import Limits

KEPT: Final = 7 * 86400.0
"""seconds after which nobody asks any more: what jobs remember of a node they forget within hours"""
MOST: Final = 10_000
LATEST: Final = 1e11
"""seconds since the epoch, beyond all that anybody means"""
HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")


def check_host(host: str) -> str:
    """The host. InvalidError for what no host is called."""
    if not HOST.fullmatch(host):
        raise InvalidError(f"{host!r} is no name of a node")
    return host


def read_marks(files: Files, folder: str) -> Mapping[str, float]:
    """By host: when it was said, by the store's clock. The folder is made where there is none, so that it is ours."""
    try:
        found = files.walk(folder, Limits(depth=0, entries=MOST)).entries
    except FileNotFoundError:
        files.make_folder(folder)
        return {}
    named = ((each.path.rpartition("/")[2], each) for each in found if not each.folder)
    return {name: each.modified / 1e9 for name, each in named if HOST.fullmatch(name)}


def mark(files: Files, folder: str, hosts: Iterable[str]) -> None:
    """Say that these are well again, and forget what nobody asks any more, by the store's clock."""
    wanted = {check_host(host) for host in hosts}
    files.make_folder(folder)
    for host in wanted:
        files.replace(f"{folder}/{host}", b"")
    marks = read_marks(files, folder)
    now = max((at for host, at in marks.items() if host in wanted), default=0.0)
    for host, at in marks.items():
        if now - at > KEPT:
            files.delete(f"{folder}/{host}")


# --- as one text, where there are no files


def from_text(text: str) -> Mapping[str, float]:
    """What `to_text` made; nothing where somebody wrote something else."""
    try:
        found = loads(text) if text else {}
    except ValueError:
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {host: float(at) for host, at in known if HOST.fullmatch(host) and _is_time(at)}


def _is_time(at: object) -> bool:
    """Whether it may be seconds since the epoch: JSON has numbers that no float holds, and NaN."""
    return isinstance(at, int | float) and 0 <= at < LATEST


def to_text(known: Mapping[str, float], hosts: Iterable[str], now: float) -> str:
    """With these hosts said to be well again now."""
    kept = {host: at for host, at in known.items() if now - at <= KEPT}
    return json.dumps({**kept, **{check_host(host): round(now, 3) for host in hosts}}, sort_keys=True)
