"""The tokens of the stand-in, and the server's half of the login with them: SASL DIGEST-MD5 (RFC 2831).

A token's password is a keyed hash of its identifier, as in Hadoop (SecretManager.createPassword), so none is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode

from trainmaster.hadoop.proto.common_pb2 import RpcSaslProto, TokenProto

REALM = "default"
"""SaslRpcServer.SASL_DEFAULT_REALM, which is also the name that the server gives itself"""
_KEY = secrets.token_bytes(20)
_PAIR = re.compile(r'([\w-]+)=(?:"([^"]*)"|([^,\s]*))')


class WrongDigestError(Exception):
    """Whoever spoke doesn't know the token's password."""


def token(kind: str, identifier: bytes, service: str) -> TokenProto:
    return TokenProto(identifier=identifier, password=_password(identifier), kind=kind, service=service)


def valid(token_: TokenProto) -> bool:
    return hmac.compare_digest(token_.password, _password(token_.identifier))


def offer(nonce: str) -> RpcSaslProto:
    """What the server takes: tokens, and nothing else."""
    challenge = f'realm="{REALM}",nonce="{nonce}",qop="auth",charset=utf-8,algorithm=md5-sess'
    auth = RpcSaslProto.SaslAuth(
        method="TOKEN", mechanism="DIGEST-MD5", protocol="", serverId=REALM, challenge=challenge.encode()
    )
    return RpcSaslProto(state=RpcSaslProto.NEGOTIATE, auths=[auth])


def accept(response: bytes, nonce: str) -> tuple[bytes, bytes]:
    """The identifier of the token that was logged in with, and the server's proof. Raises WrongDigestError."""
    said = {name: quoted or plain for name, quoted, plain in _PAIR.findall(response.decode())}
    identifier, uri = b64decode(said["username"]), said["digest-uri"]
    password = b64encode(_password(identifier)).decode()
    secret = hashlib.md5(f"{said['username']}:{REALM}:{password}".encode()).digest()
    start = _md5(secret + f":{nonce}:{said['cnonce']}".encode())

    def value(a2: str) -> str:
        middle = f"{nonce}:{said['nc']}:{said['cnonce']}:auth"
        return _md5(f"{start}:{middle}:{_md5(a2.encode())}".encode())

    if not hmac.compare_digest(said["response"], value(f"AUTHENTICATE:{uri}")):
        raise WrongDigestError
    return identifier, f"rspauth={value(f':{uri}')}".encode()


def _password(identifier: bytes) -> bytes:
    return hmac.digest(_KEY, identifier, "sha1")


def _md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
