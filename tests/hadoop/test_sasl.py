"""DIGEST-MD5 against the example of RFC 2831, section 4, and against servers that are not who they claim to be."""

from __future__ import annotations

import pytest

from hadoop.fake import TOKEN
from trainmaster.errors import DeniedError
from trainmaster.hadoop.configuration import parse
from trainmaster.hadoop.digest import Digest, pairs
from trainmaster.hadoop.protection import Protection
from trainmaster.hadoop.proto.common_pb2 import RpcSaslProto
from trainmaster.hadoop.sasl import KerberosLogin, SimpleLogin, TokenLogin, login

CHALLENGE = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'
PROOF = b"rspauth=ea40f60335c427b5527b84dbabcdfffd"


def digest(*protections: Protection) -> Digest:
    some = protections or (Protection.AUTHENTICATION,)
    return Digest("chris", "secret", "imap/elwood.innosoft.com", "OA6MHXh6VqTrRk", some)


def test_the_example_of_the_rfc() -> None:
    mechanism = digest()
    said = pairs(mechanism.first(CHALLENGE).decode())
    assert said["response"] == "d388dad90d4bbd760a152321f2143af7"
    assert (said["username"], said["qop"], said["nc"]) == ("chris", "auth", "00000001")
    mechanism.finish(PROOF)


@pytest.mark.parametrize("letters", [b"a", b"a-", b'a="', b"a=", b","])
def test_a_challenge_is_read_in_no_time_whatever_it_is(letters: bytes) -> None:
    """It is read on the loop that heartbeats, before the server has proved anything."""
    assert pairs((letters * 65536)[:65536].decode()) is not None
    with pytest.raises(DeniedError, match="has 70000 bytes"):
        digest().first(b"a" * 70000)


def test_the_proof_may_come_as_a_challenge_of_its_own() -> None:
    mechanism = digest()
    mechanism.first(CHALLENGE)
    assert mechanism.next(PROOF) == b""
    mechanism.finish(b"")


@pytest.mark.parametrize("proof", [b"", b"rspauth=", PROOF[:-1] + b"0", b"rspauth=" + b"0" * 32])
def test_a_server_without_the_secret_is_not_believed(proof: bytes) -> None:
    mechanism = digest()
    mechanism.first(CHALLENGE)
    with pytest.raises(DeniedError, match="could not prove"):
        mechanism.finish(proof)


def test_protection_that_is_not_spoken_is_said_so() -> None:
    with pytest.raises(
        DeniedError,
        match=r"wants the protection integrity or privacy, and hadoop\.rpc\.protection is auth",
    ):
        digest().first(b'realm="r",nonce="n",qop="auth-int, auth-conf"')


@pytest.mark.parametrize("offered", [b'qop="auth-conf,auth"', b'qop="auth-int, auth"', b"realm=r"])
def test_plain_authentication_is_chosen_where_it_is_offered(offered: bytes) -> None:
    assert digest().first(b'nonce="n",' + offered).endswith(b"qop=auth")


@pytest.mark.parametrize("protection", [Protection.INTEGRITY, Protection.PRIVACY])
def test_protection_is_agreed_on_with_the_proof(protection: Protection) -> None:
    """The response of RFC 2831 with the hash of an empty body in A2, as Java's DigestMD5Server makes it."""
    mechanism = digest(protection, Protection.AUTHENTICATION)
    said = mechanism.first(b'realm="r",nonce="n",qop="auth,auth-int,auth-conf",cipher="3des,rc4,des"')
    assert f",qop={protection}" in said.decode()
    assert said.endswith(b",cipher=rc4") == (protection is Protection.PRIVACY)
    assert mechanism.finish(b"rspauth=" + mechanism._proof) is not None


def test_a_cipher_that_we_dont_know_is_named() -> None:
    with pytest.raises(DeniedError, match="the server seals by '3des'"):
        digest(Protection.PRIVACY).first(b'nonce="n",qop="auth-conf",cipher="3des"')


def test_a_ticket_needs_a_server_that_takes_tickets() -> None:
    secure = login(parse({"hadoop.security.authentication": "kerberos"}), "alice")
    token = RpcSaslProto.SaslAuth(method="TOKEN", mechanism="DIGEST-MD5")
    with pytest.raises(DeniedError, match="takes no tickets, it wants TOKEN by DIGEST-MD5"):
        secure.choose([token])


def test_who_we_speak_for_is_told_once_per_connection() -> None:
    conf = parse({"hadoop.security.authentication": "kerberos"})
    assert isinstance(login(conf, "alice"), KerberosLogin)
    assert login(conf, "alice").context("p").userInfo.effectiveUser == "alice"
    assert not login(conf, "").context("p").HasField("userInfo")
    assert login(parse({}), "alice") == SimpleLogin("alice")


def test_a_token_needs_a_server_that_takes_tokens() -> None:
    kerberos = RpcSaslProto.SaslAuth(method="KERBEROS", mechanism="GSSAPI")
    with pytest.raises(DeniedError, match="KERBEROS by GSSAPI"):
        TokenLogin(TOKEN.SerializeToString()).choose([kerberos])
    with pytest.raises(DeniedError, match="nothing we know"):
        SimpleLogin("alice").choose([])


def test_a_token_stays_out_of_sight() -> None:
    login = TokenLogin(TOKEN.SerializeToString())
    assert "secret" not in repr(login)
    assert not login.context("p").HasField("userInfo")


@pytest.mark.parametrize("count", [1, 1000])
def test_what_a_server_offers_is_told_cut_and_escaped(count: int) -> None:
    offer = RpcSaslProto.SaslAuth(method="A\n" + "x" * 10_000, mechanism="B", protocol="", serverId="")
    with pytest.raises(DeniedError) as told:
        SimpleLogin("alice").choose([offer] * count)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 1000
