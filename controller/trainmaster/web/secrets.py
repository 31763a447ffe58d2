"""The files of secrets that the web server reads: who has which token, and the key that controllers share.

They are read again when they change. One that others may read, or that can't be read, counts as empty, and the log says so once.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

LARGEST: Final = 1 << 20
"""bytes that are read"""
SHORTEST: Final = 16
"""letters of a token or key: shorter ones can be guessed"""


class SecretFile:
    """A file that is read when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None
        self._text = ""

    def text(self) -> str:
        """What it says; empty where it may not be used."""
        try:
            found = self._path.stat()
            seen: object = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode)
            if seen != self._seen:
                self._text = self._read(found.st_mode)
        except (OSError, ValueError) as error:
            seen, self._text = str(error), ""
            if seen != self._seen:
                log.error("a file of secrets can't be used", extra={"file": str(self._path), "error": seen})
        self._seen = seen
        return self._text

    def _read(self, mode: int) -> str:
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ValueError("others may read or write it: chmod o= is needed")
        with self._path.open() as file:
            return file.read(LARGEST)


class TokenFile:
    """Lines `token,user`, as the API server's static token file begins; `#` begins a comment."""

    def __init__(self, path: Path) -> None:
        self._file = SecretFile(path)
        self._parsed: tuple[str, Mapping[bytes, str]] = ("", {})

    def user(self, token: str) -> str:
        """Whose token this is; empty for nobody's. By digest, so that the time taken tells nothing of the tokens."""
        return self._users().get(_digest(token), "") if len(token) >= SHORTEST else ""

    def _users(self) -> Mapping[bytes, str]:
        text = self._file.text()
        if text != self._parsed[0]:
            self._parsed = text, _parse(text)
        return self._parsed[1]


class KeyFile:
    """A key that is the whole file."""

    def __init__(self, path: Path) -> None:
        self._file = SecretFile(path)

    def key(self) -> bytes:
        """Empty where there is none that could be used."""
        text = self._file.text().strip()
        return text.encode() if len(text) >= SHORTEST else b""


def _parse(text: str) -> dict[bytes, str]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.split(",") for line in lines if line and not line.startswith("#"))
    return {_digest(pair[0].strip()): pair[1].strip() for pair in pairs if len(pair) > 1}


def _digest(token: str) -> bytes:
    """Of its bytes as they came, which may be no text."""
    return hmac.digest(b"trainmaster", token.encode(errors="surrogateescape"), hashlib.sha256)
