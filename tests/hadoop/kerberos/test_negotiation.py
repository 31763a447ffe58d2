"""SPNEGO in front of a web server that asks for it: once, then by its cookie (AuthenticationFilter in Hadoop)."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from trainmaster.errors import UnavailableError
from trainmaster.hadoop.asking import Asking
from trainmaster.hadoop.http import Http
from trainmaster.hadoop.kerberos import negotiation
from trainmaster.hadoop.kerberos.library import GssError
from trainmaster.hadoop.kerberos.negotiation import Negotiate

COOKIE = 'hadoop.auth="u=tm"'


class Ticketed:
    """`asked`: path and header of each request, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.address = self.elsewhere = ""


@contextmanager
def serving(there: Ticketed) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            proof = self.headers.get("Authorization", "")
            there.asked.append((self.path, proof))
            known = proof.startswith("Negotiate ") or "hadoop.auth" in self.headers.get("Cookie", "")
            moved = known and self.path.startswith("/moved")
            self.send_response(401 if not known else 307 if moved else 200)
            if not known:
                self.send_header("WWW-Authenticate", "Negotiate")
            elif moved:
                self.send_header("Location", f"{there.elsewhere}/log")
            if proof:
                self.send_header("Set-Cookie", f"{COOKIE}; Path=/; HttpOnly")
            body = b'{"well": true}' if known and not moved else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is http.server's
            """Keeps quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Context:
    """A ticket for each host."""

    def __init__(self, service: str, host: str, mechanism: object) -> None:
        self.peer = f"{service}@{host}"

    def step(self) -> bytes:
        return self.peer.encode()


class NoTicket(Context):
    def step(self) -> bytes:
        raise GssError("No Kerberos credentials available")


PROOF = f"Negotiate {b64encode(b'HTTP@127.0.0.1').decode()}"


@pytest.fixture(autouse=True)
def _tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(negotiation, "Context", Context)


def test_a_server_that_asks_gets_a_proof_once_and_then_its_cookie() -> None:
    there = Ticketed()
    with serving(there) as address, requests.Session() as session:
        session.auth = Negotiate()
        for _ in range(3):
            assert session.get(f"http://{address}/").json() == {"well": True}
    assert there.asked == [("/", ""), ("/", PROOF), ("/", ""), ("/", "")]


def test_the_server_that_a_redirect_leads_to_gets_one_of_its_own() -> None:
    first, second = Ticketed(), Ticketed()
    with serving(first) as one, serving(second) as two, requests.Session() as session:
        first.elsewhere = f"http://localhost:{two.rpartition(':')[2]}"
        session.auth = Negotiate()
        assert session.get(f"http://{one}/moved").status_code == 200
    own = f"Negotiate {b64encode(b'HTTP@localhost').decode()}"
    assert [proof for _, proof in second.asked] == ["", own]


def test_a_proof_that_isnt_believed_is_given_once() -> None:
    there = Ticketed()
    with serving(there) as address, requests.Session() as session:
        session.auth = Negotiate()
        answer = session.get(f"http://{address}/", headers={"Authorization": "Negotiate old"})
        assert answer.status_code == 200
        assert len(there.asked) == 1


async def test_who_has_no_ticket_is_told_so_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(negotiation, "Context", NoTicket)
    http, asking = Http(), Asking()
    with serving(Ticketed()) as address:
        with pytest.raises(
            UnavailableError, match=rf"http://{address}/ws: Kerberos: there is no ticket: kinit"
        ):
            await http.json(f"http://{address}/ws")
        with pytest.raises(UnavailableError, match="there is no ticket: kinit"):
            await asking.get(f"http://{address}/ws", 5)
    await http.close()
    await asking.close()


async def test_many_nodes_are_asked_with_a_proof_for_each() -> None:
    there, asking = Ticketed(), Asking()
    with serving(there) as address:
        assert await asking.get(f"http://{address}/gpu", 5) == b'{"well": true}'
    await asking.close()
    assert there.asked == [("/gpu", ""), ("/gpu", PROOF)]
