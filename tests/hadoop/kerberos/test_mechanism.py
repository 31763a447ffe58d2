"""SASL GSSAPI (RFC 4752) step by step, with a context that says what a KDC's would."""

from __future__ import annotations

from typing import Any

import pytest

from trainmaster.errors import DeniedError, InvalidError, UnavailableError
from trainmaster.hadoop.kerberos.library import GssError
from trainmaster.hadoop.kerberos.mechanism import Gssapi, GssapiLayer, ServerNames
from trainmaster.hadoop.protection import Protection, UnprotectedError

SERVERS = ServerNames("yarn/_HOST@R", ("rm.example",))
ALL = tuple(Protection)


class Context:
    """Wrapped is what begins with a mark: `s` signed, `c` sealed as well."""

    def __init__(self, service: str, host: str, realm: str = "") -> None:
        self.peer, self.done = f"{service}@{host}", False

    def step(self, token: bytes = b"") -> bytes:
        if not token:
            return b"ticket"
        if token != b"proof":
            raise GssError("A token was invalid")
        self.done = True
        return b""

    def wrap(self, data: bytes, *, sealed: bool) -> bytes:
        return (b"c" if sealed else b"s") + data

    def unwrap(self, data: bytes, *, sealed: bool = False) -> bytes:
        if data[:1] not in (b"s", b"c") or (sealed and data[:1] != b"c"):
            raise GssError("A token had an invalid Message Integrity Check (MIC)")
        return data[1:]


def gssapi(
    wanted: tuple[Protection, ...] = ALL, servers: ServerNames = SERVERS, opened: Any = Context
) -> Gssapi:
    return Gssapi("yarn", "rm.example", servers, wanted, opened)


@pytest.mark.parametrize(
    ("wanted", "offered", "answer"),
    [
        (ALL, 7, b"s\x01\x00\x00\x00"),
        ((Protection.PRIVACY,), 7, b"s\x04\xff\xff\xff"),
        ((Protection.PRIVACY, Protection.INTEGRITY), 3, b"s\x02\xff\xff\xff"),
        (ALL, 4, b"s\x04\xff\xff\xff"),
    ],
)
def test_both_sides_agree_on_the_first_of_ours_that_is_offered(
    wanted: tuple[Protection, ...], offered: int, answer: bytes
) -> None:
    mechanism = gssapi(wanted)
    assert mechanism.first(b"") == b"ticket"
    assert mechanism.next(b"proof") == b""
    assert mechanism.next(b"s" + bytes([offered]) + b"\x01\x00\x00") == answer
    layer = mechanism.finish(b"")
    assert (layer is None) == (answer[1] == 1)
    if layer:
        assert layer.wrap(b"x") == (b"cx" if answer[1] == 4 else b"sx")


def test_less_than_is_wanted_wont_do() -> None:
    mechanism = gssapi((Protection.PRIVACY,))
    mechanism.first(b"")
    mechanism.next(b"proof")
    with pytest.raises(
        DeniedError, match=r"wants the protection authentication.*hadoop.rpc.protection is privacy"
    ):
        mechanism.next(b"s\x01\x00\x00\x00")


@pytest.mark.parametrize("before", [[], [b"proof"]])
def test_a_server_that_ends_early_hasnt_proved_itself(before: list[bytes]) -> None:
    mechanism = gssapi()
    mechanism.first(b"")
    for challenge in before:
        mechanism.next(challenge)
    with pytest.raises(DeniedError, match="before it had proved itself"):
        mechanism.finish(b"")


@pytest.mark.parametrize("offer", [b"s\x07", b"s\x07\x00\x00\x00\x00"])
def test_an_offer_in_another_form_is_refused(offer: bytes) -> None:
    mechanism = gssapi()
    mechanism.first(b"")
    mechanism.next(b"proof")
    with pytest.raises(DeniedError, match="not understood"):
        mechanism.next(offer)


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        (ServerNames("yarn/_HOST@R", ("other.example",)), "the server calls itself yarn/rm.example"),
        (ServerNames("", ("rm.example",)), "yarn.resourcemanager.principal isn't set"),
    ],
)
def test_no_ticket_is_shown_to_somebody_else(servers: ServerNames, said: str) -> None:
    def never(service: str, host: str, realm: str = "") -> Context:
        raise AssertionError

    with pytest.raises(DeniedError, match=said):
        gssapi(servers=servers, opened=never).first(b"")


def test_a_kdc_that_is_away_is_no_refusal() -> None:
    def away(service: str, host: str, realm: str = "") -> Context:
        raise GssError("Cannot contact any KDC for realm 'R'")

    with pytest.raises(UnavailableError, match="no KDC of the realm answers"):
        gssapi(opened=away).first(b"")


def test_what_isnt_protected_as_agreed_is_not_heard() -> None:
    layer = GssapiLayer(Context("a", "b"), sealed=True)  # type: ignore[arg-type]
    assert layer.unwrap(layer.wrap(b"x")) == b"x"
    with pytest.raises(UnprotectedError):
        layer.unwrap(b"sx")


def test_a_machine_without_the_library_is_told_what_to_install() -> None:
    def missing(service: str, host: str, realm: str = "") -> Context:
        raise InvalidError("Kerberos needs libgssapi_krb5.so.2")

    with pytest.raises(DeniedError, match="needs libgssapi"):
        gssapi(opened=missing).first(b"")


def test_what_a_stranger_calls_itself_is_cut_and_escaped() -> None:
    with pytest.raises(DeniedError) as told:
        SERVERS.check("yarn\n", "x" * 100_000)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("pattern", "realm"), [("yarn/*@OTHER", "OTHER"), ("yarn/*", ""), ("*@*", ""), ("*", ""), ("", "")]
)
def test_the_ticket_is_asked_for_in_the_realm_of_the_pattern(pattern: str, realm: str) -> None:
    asked = []

    def opened(service: str, host: str, realm: str = "") -> Context:
        asked.append(realm)
        return Context(service, host)

    gssapi(servers=ServerNames("yarn/_HOST@R", ("rm.example",), pattern), opened=opened).first(b"")
    assert asked == [realm]


def test_a_part_of_a_realm_is_none() -> None:
    with pytest.raises(DeniedError, match=r"principal\.pattern: the realm in .* must be a whole name"):
        gssapi(servers=ServerNames("", (), "yarn/*@R*")).first(b"")
