"""What takes traces in place of an OpenTelemetry collector: it keeps them, or answers otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Collector:
    """Takes traces, or answers otherwise."""

    def __init__(self, *codes: int) -> None:
        self.codes, self.taken, self.asked = list(codes), list[Any](), list[tuple[str, str]]()

    @contextmanager
    def served(self) -> Iterator[str]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = collector.codes.pop(0) if collector.codes else 200
                collector.asked.append((self.path, self.headers.get("Authorization", "")))
                if code == 200:
                    collector.taken.append(json.loads(body))
                self.send_response(code)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
