"""Which cluster and as whom, and one blocking request to it. The library reads the configuration and renews credentials.

Requests go through the library's ApiClient without its model classes: what is sent and what comes back is plain JSON. Nothing
is tried twice here, save with new credentials: whether a lost answer may be asked for again is known only to who asked.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from trainmaster import __version__
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.sources.kubernetes.kubeconfig import Kubeconfig

log = logging.getLogger(__name__)

_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_POD_ACCOUNT = "the pod's ServiceAccount"
_RELOAD_PAUSE = 5.0
"""seconds between two readings of credentials that the API server didn't accept"""
_OPEN = 64
"""connections kept open at most; each thread needs one"""


JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any = field(default=None, repr=False)
    content: str = JSON_TYPE
    accept: str = JSON_TYPE


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Connection:
    """Safe to use in many threads."""

    def __init__(self, kubeconfig: str = "", context: str = "", *, person: bool = False) -> None:
        """The pod's ServiceAccount, else the kubeconfig named here, in KUBECONFIG, or at its usual place.

        A kubeconfig or context that is named here comes first, and for a person any kubeconfig does, as it does for kubectl.
        Raises InvalidError when there is none of them, or it can't be used.
        """
        self._kubeconfig = Kubeconfig.at(kubeconfig)
        self._context = context
        self._pod_first = not (kubeconfig or context or (person and self._kubeconfig.is_there))
        self._renewing = threading.Lock()
        self._read_at = time.monotonic()
        self._client, self.who, self.namespace = self._load()

    @property
    def cluster(self) -> str:
        """Which one it is, in words that complete `in the ...`."""
        return "cluster of this pod" if self.who == _POD_ACCOUNT else self.who

    @property
    def configuration(self) -> Configuration:
        """The library's own, for those who open connections of another kind. It holds credentials: never log it."""
        settings: Configuration = self._client.configuration
        return settings

    def request(self, request: Request, timeout: float) -> Answer:
        """One request and its answer, whatever it is. UnavailableError when there was none within `timeout` seconds."""
        client = self._client
        answer = self._once(client, request, timeout)
        if answer.status == 401 and self._renewed(client):
            answer = self._once(self._client, request, timeout)
        return answer

    def close(self) -> None:
        self._client.close()

    def _once(self, client: ApiClient, request: Request, timeout: float) -> Answer:
        url = f"{client.configuration.host}{request.path}"
        if request.query:
            url += f"?{urlencode(request.query)}"
        try:
            headers = _headers(client, request)
            response = client.call_api(request.method, url, headers, request.body, _request_timeout=timeout)
            return Answer(response.status, response.headers, response.read() or b"")
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise UnavailableError(f"the API server could not be asked: {_reason(error)}") from error
        except config.ConfigException as error:
            raise UnavailableError(f"our credentials could not be renewed: {error}") from error

    def _renewed(self, refused: ApiClient) -> bool:
        """Read the credentials again: files and plugins may have newer ones than the library remembers."""
        with self._renewing:
            if self._client is not refused:
                return True
            if time.monotonic() - self._read_at < _RELOAD_PAUSE:
                return False
            self._read_at = time.monotonic()
            try:
                self._client, self.who, self.namespace = self._load()
            except InvalidError as error:
                log.warning("credentials could not be read again: %s", error)
                return False
            return True

    def _load(self) -> tuple[ApiClient, str, str]:
        """A client, whose credentials it shows, and the namespace that goes with them."""
        settings = Configuration()
        try:
            who, namespace = self._pod(settings) or self._kubeconfig_context(settings)
        except (config.ConfigException, OSError, ValueError, TypeError) as error:
            raise InvalidError(f"no way to the API server of a Kubernetes cluster: {error}") from error
        settings.retries = False
        # Found once; else the library searches the environment with every call.
        settings.proxy = settings.proxy
        settings.connection_pool_maxsize = _OPEN
        client = ApiClient(settings)
        client.user_agent = f"trainmaster/{__version__}"
        return client, who, namespace

    def _pod(self, settings: Configuration) -> tuple[str, str] | None:
        if not self._pod_first or not os.environ.get("KUBERNETES_SERVICE_HOST"):
            return None
        config.load_incluster_config(settings)
        return _POD_ACCOUNT, (_POD / "namespace").read_text().strip()

    def _kubeconfig_context(self, settings: Configuration) -> tuple[str, str]:
        file = self._kubeconfig
        name = self._context or file.current_context
        return f"context {name} of {file.named}", file.load(name, settings)


def _headers(client: ApiClient, request: Request) -> dict[str, str]:
    headers = {**client.default_headers, "Accept": request.accept, "Content-Type": request.content}
    token = client.configuration.get_api_key_with_prefix("BearerToken")  # the library renews it here
    return headers | {"Authorization": token} if token else headers


def _reason(error: Exception) -> str:
    """The library's own words without the request: of an exception from TLS they are in its reason."""
    return str(error.reason if isinstance(error, ApiException) else error)
