"""A web server on loopback that answers what each test says, over TLS if it is given a certificate."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from trainmaster.local.kubernetes import pki

Answer = tuple[int, str]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no trouble."""


@contextmanager
def web(answer: Callable[[str], Answer], keys: Path | None = None) -> Iterator[str]:
    """Its host:port. `keys` is a folder of `certified`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
            """Keeps quiet."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        if keys:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(keys / "server.crt", keys / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def certified(folder: Path) -> Path:
    """Fill a folder with `ca.crt`, of an authority that nobody else knows, and with what that gave a server on loopback."""
    folder.mkdir()
    pki.make(folder)
    return folder
