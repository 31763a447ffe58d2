"""When the certificates by which the API server knows the webhooks are renewed, so that no request ever fails of it. Pure.

Each serving certificate has an authority of its own, whose key is forgotten once it has signed: there is no key that could
vouch for anybody else, and a renewal is the same thing as a change of the authority. It takes two steps, since whoever asks must
trust a certificate before anybody serves it: first a successor is made and its authority is announced beside the old one, and
some time after that it is served. An old authority stays among the trusted until it expires, for then nobody can serve what it
signed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from trainmaster.sources.kubernetes.admission.issuing import CLOCKS_DIFFER, Pair, general, issue, pem

DAY = 86400.0
LIFE = 90 * DAY
"""seconds for which a certificate and its authority are good"""
RENEW_BEFORE = 30 * DAY
"""seconds before the end at which a successor is made"""
SETTLE = 600.0
"""seconds between announcing a successor and serving it: every API server has heard of it by then"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """All that the replicas of one controller share."""

    served: Pair
    trusted: bytes
    """the authorities of `served`, of `successor`, and of what was served before and hasn't expired; in PEM"""
    successor: Pair | None = None
    """the next to be served, announced already"""


def renewed(held: Certificates | None, names: Sequence[str], now: float, *, announced: bool) -> Certificates:
    """What should be held at `now` (seconds since the epoch), one step further; the same when nothing is to be done.

    `announced` says that every asker was seen to be told of all that `held` trusts. What isn't for exactly these names, has
    expired or doesn't fit together is replaced at once.
    """
    if held is None:
        return Certificates(*issue(names, now, LIFE))
    following = held.successor if _good(held.successor, held.trusted, names, now) else None
    if not _good(held.served, held.trusted, names, now):
        return _succeeded(held, following) if following else Certificates(*issue(names, now, LIFE))
    if following:
        settled = now >= _born(following) + SETTLE
        return _succeeded(held, following) if announced and settled else held
    if now < end(held.served) - RENEW_BEFORE:
        return held
    successor, authority = issue(names, now, LIFE)
    return replace(held, successor=successor, trusted=_unexpired(held.trusted, now) + authority)


def _succeeded(held: Certificates, following: Pair) -> Certificates:
    return replace(held, served=following, successor=None)


def end(pair: Pair) -> float:
    """When it expires, in seconds since the epoch. ValueError when it is no certificate."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc.timestamp()


def _good(pair: Pair | None, trusted: bytes, names: Sequence[str], now: float) -> bool:
    """Whether it is a certificate with its key for these names that the trusted vouch for, and hasn't expired."""
    if pair is None:
        return False
    try:
        leaf = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, None)
        authorities = x509.load_pem_x509_certificates(trusted)
        own_names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        key.public_key() == leaf.public_key()
        and list(own_names) == general(names)
        and now < leaf.not_valid_after_utc.timestamp()
        and any(_signed(authority, leaf) for authority in authorities)
    )


def _signed(authority: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _unexpired(trusted: bytes, now: float) -> bytes:
    authorities = x509.load_pem_x509_certificates(trusted)
    return b"".join(pem(one) for one in authorities if now < one.not_valid_after_utc.timestamp())


def _born(pair: Pair) -> float:
    leaf = x509.load_pem_x509_certificate(pair.certificate)
    return leaf.not_valid_before_utc.timestamp() + CLOCKS_DIFFER
