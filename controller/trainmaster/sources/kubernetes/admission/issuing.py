"""Making a serving certificate together with the authority that vouches for it. Pure but for the keys' chance.

Never here: when one is needed.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLOCKS_DIFFER = 3600.0
"""seconds by which the clocks of two machines may differ: certificates are good since so long before they are made"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def issue(names: Sequence[str], now: float, life: float) -> tuple[Pair, bytes]:
    """A certificate for these host names and addresses, good for `life` seconds; and its authority, in PEM.

    The authority's key is forgotten: it vouches for nobody else.
    """
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _subject(
        f"trainmaster webhook authority {secrets.token_hex(8)}"
    )  # verifiers look it up by its name
    theirs, ours = authority_key.public_key(), key.public_key()
    authority = _with(_of(issuer, issuer, theirs, now, life), _authority_extensions(theirs))
    leaf = _with(
        _of(_subject("trainmaster webhook"), issuer, ours, now, life), _leaf_extensions(names, theirs)
    )
    signed = leaf.sign(authority_key, hashes.SHA256())
    return Pair(pem(signed), _key_pem(key)), pem(authority.sign(authority_key, hashes.SHA256()))


def _with(
    builder: x509.CertificateBuilder, extensions: Iterable[x509.ExtensionType]
) -> x509.CertificateBuilder:
    for extension in extensions:
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical)
    return builder


def _of(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: float, life: float
) -> x509.CertificateBuilder:
    since = datetime.fromtimestamp(now - CLOCKS_DIFFER, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(seconds=CLOCKS_DIFFER + life))
    )


def _authority_extensions(key: ec.EllipticCurvePublicKey) -> tuple[x509.ExtensionType, ...]:
    return (
        x509.BasicConstraints(ca=True, path_length=0),
        _usage(key_cert_sign=True),
        x509.SubjectKeyIdentifier.from_public_key(key),
    )


def _leaf_extensions(
    names: Sequence[str], authority: ec.EllipticCurvePublicKey
) -> tuple[x509.ExtensionType, ...]:
    return (
        x509.BasicConstraints(ca=False, path_length=None),
        _usage(digital_signature=True),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.SubjectAlternativeName(general(names)),
        # Strict verifiers want the issuer's identifier (RFC 5280, 4.2.1.1).
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority),
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def general(names: Sequence[str]) -> list[x509.GeneralName]:
    """Host names and addresses as a certificate names them."""
    return [_general_name(name) for name in names]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
