"""SPNEGO: how this process proves itself to web servers that ask for it ("Negotiate", RFC 4559).

Answered only where a server asks: then a cookie stands for the ticket (AuthenticatedURL in Hadoop), and most requests need
neither. Never here: a request of one's own.
"""

from __future__ import annotations

import os
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar

from trainmaster.errors import DeniedError, TrainmasterError, UnavailableError
from trainmaster.hadoop.kerberos import words
from trainmaster.hadoop.kerberos.context import Context
from trainmaster.hadoop.kerberos.library import SPNEGO, GssError

SCHEME = "Negotiate"


class NegotiationError(requests.RequestException):
    """We have nothing to prove ourselves by; `cause` says why."""

    def __init__(self, cause: TrainmasterError) -> None:
        super().__init__(str(cause))
        self.cause = cause

    def of(self, where: str) -> TrainmasterError:
        """The same, with whom it was for."""
        if isinstance(self.cause, DeniedError):
            return DeniedError(self.cause.kind, f"{where}: {self.cause.message}")
        return UnavailableError(f"{where}: {self.cause}")


def authorization(url: str) -> str:
    """The header for one request to the server of this URL. May wait for the KDC; raises DeniedError or UnavailableError."""
    host = urlsplit(url).hostname or ""
    try:
        token = Context("HTTP", host, SPNEGO).step()
    except GssError as error:
        raise words.told(str(error), config=os.environ.get("KRB5_CONFIG", "")) from None
    return f"{SCHEME} {b64encode(token).decode()}"


class Negotiate(AuthBase):
    """For sessions of requests: a 401 that asks for it is answered once, also after a redirect."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._answered)
        return request

    def _answered(self, response: requests.Response, **options: Any) -> requests.Response:
        sent = response.request
        if not asks(response.status_code, response.headers.get("WWW-Authenticate")) or _proven(sent):
            return response
        again = sent.copy()
        try:
            again.headers["Authorization"] = authorization(sent.url or "")
        except TrainmasterError as error:
            raise NegotiationError(error) from error
        response.close()  # unread, since an answer may be without end
        jar: Any = getattr(again, "_cookies", None)  # as HTTPDigestAuth of requests does it
        extract_cookies_to_jar(jar, sent, response.raw)
        again.prepare_cookies(jar)
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


def asks(status: int, challenge: str | None) -> bool:
    """Whether a server wants SPNEGO."""
    return status == requests.codes.unauthorized and SCHEME.lower() in (challenge or "").lower()


def _proven(request: requests.PreparedRequest) -> bool:
    return str(request.headers.get("Authorization", "")).startswith(SCHEME)
