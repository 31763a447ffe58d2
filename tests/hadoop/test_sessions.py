"""Hadoop's web servers over HTTPS, and the sentence for each way in which they can't be asked."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hadoop.serving import Answer, certified, web
from trainmaster.errors import InvalidError, UnavailableError
from trainmaster.hadoop.http import Http


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("tls") / "keys")


@pytest.fixture(scope="module")
def secure(keys: Path) -> Iterator[str]:
    with web(well, keys) as address:
        yield address


def well(_path: str) -> Answer:
    return 200, '{"all": "well"}'


async def complaint(http: Http, url: str) -> str:
    """What is said of a server that can't be asked."""
    try:
        with pytest.raises(UnavailableError) as caught:
            await http.json(url, secret="s3cret")
    finally:
        await http.close()
    assert str(caught.value).startswith(f"{url}: "), "it names who was asked"
    assert not re.search("s3cret|alice|Pool|Error", str(caught.value)), "and no parameter or class"
    return str(caught.value).removeprefix(f"{url}: ")


async def test_a_private_authority_is_trusted_when_its_file_is_named(keys: Path, secure: str) -> None:
    http = Http("alice", keys / "ca.crt")
    assert await http.json(f"https://{secure}/a") == {"all": "well"}
    await http.close()


async def test_without_it_the_sentence_says_what_to_do(secure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert await complaint(Http("alice"), f"https://{secure}/") == (
        "its certificate is refused: unable to get local issuer certificate; hadoop_ca_file names whom to trust"
    )


async def test_another_authority_is_none(tmp_path: Path, secure: str) -> None:
    other = certified(tmp_path / "other") / "ca.crt"
    assert "hadoop_ca_file names whom to trust" in await complaint(Http("alice", other), f"https://{secure}/")


async def test_a_certificate_is_for_the_name_that_was_asked(keys: Path, tmp_path: Path) -> None:
    with web(well, keys) as address:
        port = address.rpartition(":")[2]
        url = f"https://ip6-localhost:{port}/"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", int(port)))])
            said = await complaint(Http("alice", keys / "ca.crt"), url)
    assert "not valid for 'ip6-localhost'" in said
    assert "hadoop_ca_file" not in said, "another file would not help"


async def test_requests_own_list_of_authorities_plays_no_part(
    keys: Path, secure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(keys / "ca.crt"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(keys / "ca.crt"))
    assert "its certificate is refused" in await complaint(Http("alice"), f"https://{secure}/")


async def test_https_from_who_speaks_http(keys: Path) -> None:
    with web(well) as address:
        said = await complaint(Http("alice", keys / "ca.crt"), f"https://{address}/")
    assert said == "no TLS with it: wrong version number"


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert await complaint(Http("alice"), f"http://127.0.0.1:{port}/") == "connection refused"


async def test_no_such_host() -> None:
    assert await complaint(Http("alice"), "http://nowhere.invalid/") == "its name can't be resolved"


async def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("http", "sessions"):
        monkeypatch.setattr(f"trainmaster.hadoop.{module}.READ_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = await complaint(Http("alice"), f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert said == "no answer within 0.05 s"


LENGTHS = ("Content-Length: 10000000", "Transfer-Encoding: chunked", "Connection: close")
TOO_SLOW = [
    *(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n" for header in LENGTHS),
    *("HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 ", "H"),
]


@pytest.mark.parametrize("head", TOO_SLOW)
async def test_all_of_an_answer_comes_in_time_or_its_thread_is_free_again(head: str) -> None:
    """Each of its letters comes soon after the one before."""
    with trickling(head.encode()) as address:
        said = await complaint(Http("alice", patience=0.3), f"http://{address}/")
    # The other where this machine is so slow that not one letter came in time.
    assert said in ("it sends its answer too slowly", "no answer within 0.3 s")


async def test_so_it_does_over_tls(keys: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys / "server.crt", keys / "server.key")
    with trickling(b"HTTP/1.1 200 OK\r\nX: ", context) as address:
        said = await complaint(Http("alice", keys / "ca.crt", patience=1.0), f"https://{address}/")
    assert said == "it sends its answer too slowly"


async def test_a_connection_that_is_used_again_has_all_of_its_time() -> None:
    http = Http("alice", patience=0.5)
    with web(lambda path: (time.sleep(0.3), (200, path))[1]) as address:
        for _ in range(3):
            assert (await http.text(f"http://{address}/x")).startswith(b"/x")
    await http.close()


async def test_its_own_patience_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = await complaint(Http("alice", patience=0.05), f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert said == "no answer within 0.05 s"


@contextmanager
def trickling(head: bytes, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that sends one letter after the other, without end."""
    letter = b"1\r\nx\r\n" if b"chunked" in head else b"x"

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with (
            suppress(OSError),
            context.wrap_socket(connection, server_side=True) if context else connection as connection,
        ):
            connection.sendall(head)
            while True:
                connection.sendall(letter)
                time.sleep(0.001)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,), daemon=True)
        serving.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        serving.join(10)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("nowhere.pem", "can't be read: No such file or directory"),
        ("empty.pem", "holds no certificate in PEM form"),
        ("server.key", "holds no certificate in PEM form"),
    ],
)
def test_a_file_that_is_no_authority_is_one_clear_sentence(keys: Path, file: str, words: str) -> None:
    (keys / "empty.pem").touch()
    with pytest.raises(InvalidError) as caught:
        Http("alice", keys / file)
    assert str(caught.value) == f"hadoop_ca_file: {keys / file} {words}"


@pytest.mark.parametrize(
    "answer", ["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
async def test_a_part_of_an_answer_is_no_answer(answer: str) -> None:
    with once(f"HTTP/1.1 200 OK\r\n{answer}".encode()) as address:
        said = await complaint(Http("alice"), f"http://{address}/")
    assert said == "it closed the connection within its answer"


@contextmanager
def once(answer: bytes) -> Iterator[str]:
    """A server that sends this and closes."""

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,), daemon=True)
        serving.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        serving.join(10)
