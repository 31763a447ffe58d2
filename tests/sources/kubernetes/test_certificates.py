"""The life of the webhooks' certificate over years: at any time, whoever asks trusts what anybody may serve."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509 import verification

from trainmaster.settings import Kubernetes, Webhook
from trainmaster.sources.kubernetes.admission.certificates import (
    DAY,
    LIFE,
    RENEW_BEFORE,
    SETTLE,
    Certificates,
    end,
    renewed,
)
from trainmaster.sources.kubernetes.admission.issuing import CLOCKS_DIFFER, Pair, issue
from trainmaster.sources.kubernetes.admission.keeping import data_of, held_in, names, secret_name

START = 1_800_000_000.0
NAMES = ("trainmaster-webhook.ml.svc", "trainmaster-webhook.ml.svc.cluster.local", "192.0.2.7")
FIRST = renewed(None, NAMES, START, announced=False)
DUE = START + LIFE - RENEW_BEFORE
ANNOUNCED = renewed(FIRST, NAMES, DUE, announced=True)


def trusts(trusted: bytes, pair: Pair, name: str, now: float) -> bool:
    """As a strict verifier sees it (RFC 5280): chain, times, names and purpose."""
    store = verification.Store(x509.load_pem_x509_certificates(trusted))
    subject = x509.DNSName(name)
    at = datetime.fromtimestamp(now, UTC)
    verifier = verification.PolicyBuilder().store(store).time(at).build_server_verifier(subject)
    try:
        verifier.verify(x509.load_pem_x509_certificate(pair.certificate), [])
    except verification.VerificationError:
        return False
    return True


def authorities(held: Certificates) -> int:
    return len(x509.load_pem_x509_certificates(held.trusted))


def test_the_first_is_good_for_its_names_and_its_time() -> None:
    for name in NAMES[:2]:
        assert trusts(FIRST.trusted, FIRST.served, name, START)
        assert trusts(FIRST.trusted, FIRST.served, name, START - CLOCKS_DIFFER + 1)
        assert trusts(FIRST.trusted, FIRST.served, name, START + LIFE - 1)
        assert not trusts(FIRST.trusted, FIRST.served, name, START + LIFE + 1)
    assert not trusts(FIRST.trusted, FIRST.served, "other.ml.svc", START)
    assert end(FIRST.served) == START + LIFE


def test_another_authority_vouches_for_nobody_here() -> None:
    other = renewed(None, NAMES, START, announced=False)
    assert not trusts(other.trusted, FIRST.served, NAMES[0], START)


def test_it_stays_as_it_is_until_it_is_due() -> None:
    for now in (START, START + DAY, DUE - 1):
        assert renewed(FIRST, NAMES, now, announced=True) is FIRST


def test_a_successor_is_announced_before_it_is_served() -> None:
    assert ANNOUNCED.successor
    assert ANNOUNCED.served == FIRST.served
    assert trusts(ANNOUNCED.trusted, ANNOUNCED.served, NAMES[0], DUE)
    assert trusts(ANNOUNCED.trusted, ANNOUNCED.successor, NAMES[0], DUE)


@pytest.mark.parametrize(
    ("after", "announced", "served"),
    [
        (0.0, True, False),
        (SETTLE - 1, True, False),
        (SETTLE + 1, False, False),
        (SETTLE + 1, True, True),
        (RENEW_BEFORE - 1, False, False),
    ],
)
def test_when_the_successor_is_served(after: float, announced: bool, served: bool) -> None:
    held = renewed(ANNOUNCED, NAMES, DUE + after, announced=announced)
    assert (held.served == ANNOUNCED.successor) == served
    assert (held.successor is None) == served
    assert held.trusted == ANNOUNCED.trusted, "whoever still serves the old one is still trusted"


def test_what_expires_gives_way_even_when_nobody_could_be_told() -> None:
    held = renewed(ANNOUNCED, NAMES, START + LIFE + 1, announced=False)
    assert held.served == ANNOUNCED.successor
    assert trusts(held.trusted, held.served, NAMES[0], START + LIFE + 1)
    later = renewed(FIRST, NAMES, START + LIFE + 1, announced=False)
    assert later.served != FIRST.served
    assert trusts(later.trusted, later.served, NAMES[0], START + LIFE + 1)


def test_over_three_years_every_replica_is_trusted_by_every_asker() -> None:
    """One replica is always a step behind, and the askers know what was announced at the step before."""
    held = behind = FIRST
    known = FIRST.trusted
    seen = {FIRST.served.certificate}
    now = START
    while now < START + 3 * 365 * DAY:
        now += 7 * 3600
        held, behind = renewed(held, NAMES, now, announced=known == held.trusted), held
        for server in (held, behind):
            assert trusts(known, server.served, NAMES[0], now)
        known = held.trusted
        seen.add(held.served.certificate)
        assert authorities(held) <= 3
    assert 17 <= len(seen) <= 19, "each serves for about 60 days"


# --- what can't be used


def test_other_names_need_another_certificate_at_once() -> None:
    other = ("elsewhere.ml.svc",)
    held = renewed(FIRST, other, START, announced=True)
    assert trusts(held.trusted, held.served, other[0], START)


@pytest.mark.parametrize(
    "broken",
    [
        replace(FIRST, served=replace(FIRST.served, key=b"")),
        replace(FIRST, served=replace(FIRST.served, key=ANNOUNCED.successor.key)),  # type: ignore[union-attr] # is there
        replace(FIRST, served=replace(FIRST.served, certificate=b"text")),
        replace(FIRST, trusted=b""),
        replace(FIRST, trusted=issue(NAMES, START, LIFE)[1]),
        replace(FIRST, served=replace(FIRST.served, certificate=FIRST.trusted)),
    ],
    ids=[
        "no key",
        "another's key",
        "no certificate",
        "trusts nobody",
        "trusts others",
        "the authority's own",
    ],
)
def test_what_does_not_fit_together_is_replaced_at_once(broken: Certificates) -> None:
    held = renewed(broken, NAMES, START, announced=True)
    assert held.served != broken.served
    assert trusts(held.trusted, held.served, NAMES[0], START)


def test_a_successor_that_is_no_good_is_never_served() -> None:
    spoilt = replace(ANNOUNCED, successor=Pair(b"text", b"text"))
    held = renewed(spoilt, NAMES, DUE + SETTLE + 1, announced=True)
    assert held.served == ANNOUNCED.served
    assert held.successor
    assert trusts(held.trusted, held.successor, NAMES[0], DUE + SETTLE + 1)


# --- the Secret


@pytest.mark.parametrize("held", [FIRST, ANNOUNCED])
def test_a_secret_holds_all_of_it(held: Certificates) -> None:
    assert held_in(data_of(held)) == held


@pytest.mark.parametrize("missing", ["tls.crt", "tls.key", "ca.crt", "next.key"])
def test_a_secret_that_lacks_something_holds_nothing(missing: str) -> None:
    data = data_of(ANNOUNCED)
    del data[missing]
    assert held_in(data) is None
    assert held_in(data | {missing: "no base64!"}) is None


def test_keys_are_in_no_representation() -> None:
    assert "PRIVATE KEY" in FIRST.served.key.decode()
    assert "PRIVATE KEY" not in repr(ANNOUNCED)


def test_pythons_own_tls_takes_it() -> None:
    ssl.create_default_context(cadata=ANNOUNCED.trusted.decode())


@pytest.mark.parametrize(
    ("listen", "more"),
    [
        ("0.0.0.0", ()),
        ("::", ()),
        ("", ()),
        ("192.0.2.7", ()),  # a pod's address is one replica's alone
        ("2001:db8::7", ()),
        ("hooks.example.com", ()),
        ("127.0.0.1", ("127.0.0.1",)),
        ("::1", ("::1",)),
        ("localhost", ("localhost",)),
    ],
)
def test_by_which_names_it_may_be_called(listen: str, more: tuple[str, ...]) -> None:
    service = ("hooks.ml.svc", "hooks.ml.svc.cluster.local")
    assert names(Webhook(service="hooks", listen=listen), "ml") == (*service, *more)


def test_controllers_of_other_names_have_other_secrets() -> None:
    assert secret_name(Kubernetes(name="a")) != secret_name(Kubernetes(name="b"))
