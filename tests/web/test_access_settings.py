"""Which settings of access are refused, since they would let in whoever likes, or nobody."""

from __future__ import annotations

import pytest

from trainmaster.errors import InvalidError
from trainmaster.hadoop.configuration import parse
from trainmaster.settings import Access
from trainmaster.web.access import proves_viewers

ALL = {"viewers": [{"users": ["*"], "namespaces": ["*"]}]}
KERBEROS = {"hadoop.security.authentication": "Kerberos"}
PROVEN = {**KERBEROS, "hadoop.http.authentication.type": "kerberos"}


@pytest.mark.parametrize(
    ("hadoop", "simple"),
    [
        ({}, "hadoop.security.authentication=simple"),
        ({"hadoop.http.authentication.type": "kerberos"}, "hadoop.security.authentication=simple"),
        (KERBEROS, "hadoop.http.authentication.type=simple"),
    ],
)
def test_yarns_web_proxy_is_not_believed_where_it_believes_anybody(
    hadoop: dict[str, str], simple: str
) -> None:
    """`?user.name=alice` at the ResourceManager makes anybody alice."""
    yarn = Access.model_validate({"yarn_proxies": ["10.1.2.3"]})
    with pytest.raises(
        InvalidError, match=f"access.yarn_proxies: with {simple} anybody can call himself anybody"
    ):
        proves_viewers(yarn, parse(hadoop))
    proves_viewers(Access(), parse(hadoop))
    proves_viewers(yarn, parse(PROVEN))


def test_a_header_without_proxies_is_refused() -> None:
    with pytest.raises(ValueError, match="header needs proxies"):
        Access.model_validate({"header": "X-Forwarded-User"})


def test_rules_without_a_way_to_tell_viewers_are_refused() -> None:
    """On a loopback address all was shown to everybody, and anywhere else nothing to anybody, whatever they said."""
    with pytest.raises(
        ValueError, match="viewers needs a way to tell who looks: tokens_file, header or yarn_proxies"
    ):
        Access.model_validate(ALL)
    assert Access.model_validate({**ALL, "tokens_file": "/etc/tokens"}).viewers
