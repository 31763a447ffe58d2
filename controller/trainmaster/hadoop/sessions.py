"""Sessions with Hadoop's web servers: whom they trust, and what their failures mean for a person.

Never here: a request, or what an answer means.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from trainmaster.errors import InvalidError
from trainmaster.hadoop.kerberos.negotiation import Negotiate

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 20.0
UNTIL: ContextVar[float] = ContextVar("until", default=math.inf)
"""monotonic time until which answers that are begun now must have come whole, headers included"""
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
"""OpenSSL's X509_V_ERR_ codes for a certificate whose authority is none that we trust"""


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to trust: the authorities in that file alone, else those of the system. InvalidError names the file."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise InvalidError(f"hadoop_ca_file: {ca_file} holds no certificate in PEM form") from error
    except OSError as error:
        raise InvalidError(f"hadoop_ca_file: {ca_file} can't be read: {error.strerror}") from error


def equip(session: requests.Session, trusted: ssl.SSLContext) -> requests.Session:
    """Make a session one for the cluster's web servers."""
    # Like Hadoop's own clients: a proxy that the environment names is for the outside world, not for the
    # cluster.
    session.trust_env = False
    session.mount("http://", _Timely())
    session.mount("https://", _Trusting(trusted))
    session.auth = Negotiate()
    return session


class SlowError(TimeoutError):
    """Something came of an answer, and not all of it in time."""


class _Bytes(io.RawIOBase):
    """What comes on a connection, until a time: a timeout of the socket alone begins anew with each byte."""

    def __init__(self, connection: socket.socket, arriving: io.RawIOBase, until: float) -> None:
        self._connection, self._arriving, self._until = connection, arriving, until
        self._began = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        left, usual = self._until - time.monotonic(), self._connection.gettimeout()
        if left <= 0:
            raise SlowError
        self._connection.settimeout(left if usual is None else min(left, usual))
        try:
            came: int | None = self._arriving.readinto(into)
        except TimeoutError as error:
            raise (SlowError if self._began else TimeoutError) from error
        finally:
            self._connection.settimeout(usual)
        self._began = True
        return came

    def close(self) -> None:
        self._arriving.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        if (until := UNTIL.get()) < math.inf:
            self.fp = io.BufferedReader(_Bytes(sock, self.fp.detach(), until))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Timely(HTTPAdapter):
    """One whose answers have come by UNTIL."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Trusting(_Timely):
    """HTTPS as one TLS context has it."""

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._trusted)

    def cert_verify(self, *_: Any) -> None:
        """The context checks. Left alone, requests would trust a list of public authorities of its own as well."""


def why(error: BaseException, patience: float | None = None) -> str:
    """What went wrong, without addresses and parameters, which libraries put into their words. `patience`: seconds that an
    answer was waited for, where these aren't READ_TIMEOUT."""
    causes = list(_causes(error))
    for kind, words in _WORDS:
        for cause in causes:
            if isinstance(cause, kind):
                return words(cause) if words else f"no answer within {patience or READ_TIMEOUT:g} s"
    told = (cause.strerror for cause in causes if isinstance(cause, OSError) and cause.errno)
    return next(filter(None, told), type(error).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of; requests and urllib3 hide that in arguments and `reason`."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            inner = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
            waiting += [each for each in inner if isinstance(each, BaseException)]


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    advice = "; hadoop_ca_file names whom to trust" if error.verify_code in _UNKNOWN_AUTHORITY else ""
    return f"its certificate is refused: {error.verify_message.rstrip('.')}{advice}"


def _no_tls(error: ssl.SSLError) -> str:
    return f"no TLS with it: {(error.reason or 'it broke off').replace('_', ' ').lower()}"


_WORDS: tuple[tuple[type[BaseException], Callable[[Any], str] | None], ...] = (
    (ssl.SSLCertVerificationError, _untrusted),
    (ssl.SSLError, _no_tls),
    (requests.ConnectTimeout, lambda _: f"no connection within {CONNECT_TIMEOUT:g} s"),
    (SlowError, lambda _: "it sends its answer too slowly"),
    (TimeoutError, None),
    (socket.gaierror, lambda _: "its name can't be resolved"),
    (ConnectionRefusedError, lambda _: "connection refused"),
    (ConnectionError, lambda _: "it closed the connection"),
    (http.client.IncompleteRead, lambda _: "it closed the connection within its answer"),
    (http.client.BadStatusLine, lambda _: "it doesn't speak HTTP; does it speak HTTPS?"),
    (requests.HTTPError, lambda error: f"HTTP status {error.response.status_code}"),
    (requests.TooManyRedirects, lambda _: "it redirects without end"),
)
"""the first kind that is among the causes tells the story"""
