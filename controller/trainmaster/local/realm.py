"""The Kerberos realm of a local Hadoop on disk: the KDC's files before it starts, and everybody's keytab once it has.

The KDC makes new keys at each of its starts and forgets them with its end, so whoever holds the old ones must start after it.
Never here: what the settings say (security.py), or how a daemon is started.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.kerberos import keytabs
from trainmaster.local import security
from trainmaster.local.files import write
from trainmaster.local.options import Options
from trainmaster.local.services import LOOPBACK, free

_PATIENCE = 60.0
"""seconds for the KDC to make its keys; one is seen to take"""


def prepare(folder: Path, options: Options, ports: Mapping[str, int], *, starting: bool) -> None:
    """Write what the KDC and its clients read. Where it is `starting`, what an earlier one left is gone."""
    if starting:
        shutil.rmtree(folder / "kdc", ignore_errors=True)
        (folder / "tickets").unlink(missing_ok=True)
    for name, text in security.files(ports, options).items():
        write(folder / name, text)
    for secret_folder in ("keytabs", "kdc"):  # the KDC writes everybody's keys into its own
        (folder / secret_folder).mkdir(mode=0o700, exist_ok=True)
    secret = folder / "keytabs/http-secret"
    if not secret.exists():
        write(secret, secrets.token_hex(32), 0o600)


def hand_out(folder: Path, keys: Path, options: Options, user: str, ended: Callable[[], bool]) -> None:
    """Wait for the KDC's keys, and give everybody his own. UnavailableError when it has `ended`, or has none in time."""
    wanted, deadline = security.principals(options, user), time.monotonic() + _PATIENCE
    while not (held := _complete(keys, wanted)):
        if ended() or time.monotonic() > deadline:
            raise UnavailableError(f"the KDC made no keys; see {folder}/logs/kdc.out")
        time.sleep(0.05)
    for name, principals in security.keytabs(options, user).items():
        write_bytes(folder / f"keytabs/{name}.keytab", keytabs.of(held, principals))


def _complete(keys: Path, wanted: tuple[str, ...]) -> keytabs.Entries | None:
    """The keytab once it holds all of them. It is written anew with each principal, so it may be seen half written."""
    try:
        held = keytabs.read(keys.read_bytes())
    except (FileNotFoundError, InvalidError):
        return None
    return held if held.keys() >= set(wanted) else None


def write_bytes(path: Path, data: bytes) -> None:
    """A file that only its owner may read."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
    new.replace(path)


def answers(port: int) -> bool:
    """Whether something listens where the KDC should."""
    return not free(LOOPBACK, port)


@contextmanager
def entered(variables: Mapping[str, str]) -> Iterator[None]:
    """Be one of the realm for a while: the library of Kerberos reads the environment at each of its calls."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
