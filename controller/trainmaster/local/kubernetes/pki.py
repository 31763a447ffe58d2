"""The keys and certificates of one local control plane: a certificate authority, and who it vouches for.

Never here: rotation. They are good for ten years, and `down --purge` removes them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trainmaster.local.files import write

SERVICE_RANGE = "10.0.0.0/24"
"""addresses that kube-apiserver hands to Services; the first is its own"""
_ADDRESSES = ("127.0.0.1", "10.0.0.1")
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_CLIENTS = {
    # RBAC's superuser group (Kubernetes, "Using RBAC Authorization").
    "admin": {NameOID.ORGANIZATION_NAME: "system:masters", NameOID.COMMON_NAME: "admin"},
    "controller-manager": {NameOID.COMMON_NAME: "system:kube-controller-manager"},
}
_LIFE = timedelta(days=3650)
_CLOCKS_DIFFER = timedelta(hours=1)


def make(folder: Path) -> None:
    """Fill an empty folder, or one in which a start was cut short; leaves a full one as it is.

    For each name NAME.key and NAME.crt: ca, server (for whatever serves on loopback), admin, controller-manager;
    and service-accounts.key, which signs ServiceAccount tokens.
    """
    if (folder / "ca.crt").exists():
        return
    _save_key(folder / "service-accounts.key", ec.generate_private_key(ec.SECP256R1()))
    authority = Authority(datetime.now(UTC))
    _save(folder, "server", *authority.server())
    for name, subject in _CLIENTS.items():
        _save(folder, name, *authority.client(subject))
    _save(folder, "ca", authority.key, authority.certificate)


class Authority:
    """A certificate authority of its own, in memory."""

    def __init__(self, now: datetime) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._now = now
        self._name = _subject({NameOID.COMMON_NAME: "trainmaster-local"})
        self.certificate = self._sign(self._name, self.key, self._authority_extensions())

    def server(
        self, addresses: Sequence[str] = _ADDRESSES
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        numbers = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        names = [x509.DNSName(name) for name in _NAMES]
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._leaf(
            {NameOID.COMMON_NAME: "server"}, (use, x509.SubjectAlternativeName([*numbers, *names]))
        )

    def client(
        self, subject: dict[x509.ObjectIdentifier, str]
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        return self._leaf(subject, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),))

    def _leaf(
        self, subject: dict[x509.ObjectIdentifier, str], extensions: Sequence[x509.ExtensionType]
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        # Python verifies strictly from 3.13 on (ssl.VERIFY_X509_STRICT) and then wants these identifiers.
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return key, self._sign(_subject(subject), key, (*extensions, issuer))

    def _authority_extensions(self) -> tuple[x509.ExtensionType, ...]:
        return (
            x509.BasicConstraints(ca=True, path_length=0),
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()),
        )

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extensions: Sequence[x509.ExtensionType]
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _CLOCKS_DIFFER)
            .not_valid_after(self._now + _LIFE)
        )
        for extension in extensions:
            critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())


def _subject(parts: dict[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _save(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    _save_key(folder / f"{name}.key", key)
    write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM).decode())


def _save_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Readable by nobody else."""
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    write(path, text.decode(), mode=0o600)
