"""Sentences of the library, as each was heard from MIT's own in front of a KDC, with what a person is told."""

from __future__ import annotations

import pytest

from trainmaster.errors import DeniedError, UnavailableError
from trainmaster.hadoop.kerberos.words import told

NOW = [
    ("Client 'eve@R' not found in Kerberos database", "the KDC knows no tm@R"),
    ("Decrypt integrity check failed", "the key in /k isn't the one that the KDC has for tm@R"),
    ("Preauthentication failed", "export the keytab anew"),
    ("Clock skew too great", "set both by NTP"),
    ("Server HTTP/x@R not found in Kerberos database", "its address must be the name in its principal"),
    ("Improper format of Kerberos configuration file", "/etc/krb5.conf can't be read"),
    ("KDC has no support for encryption type", "/k and the KDC have no kind of encryption in common"),
]
LATER = [
    ("Cannot contact any KDC for realm 'R'", "no KDC of the realm answers"),
    ('Cannot find KDC for realm "R"', "no KDC of the realm answers"),
    ("Ticket expired", "the ticket has expired"),
    ("No Kerberos credentials available (default cache: FILE:/tmp/krb5cc_0)", "there is no ticket: kinit"),
    ("SPNEGO cannot find mechanisms to negotiate", "there is no ticket: kinit"),
]


@pytest.mark.parametrize(("text", "cure"), NOW)
def test_what_stays_wrong_until_somebody_mends_it(text: str, cure: str) -> None:
    error = told(text, "tm@R", "/k")
    assert isinstance(error, DeniedError)
    assert cure in str(error)
    assert text in str(error)


@pytest.mark.parametrize(("text", "cure"), LATER)
def test_what_may_pass(text: str, cure: str) -> None:
    error = told(text, "tm@R", "/k")
    assert isinstance(error, UnavailableError)
    assert cure in str(error)


def test_words_that_nobody_foresaw_are_passed_on() -> None:
    assert str(told("the moon is full")) == "Kerberos: the moon is full"
