"""What the library of Kerberos says, as one sentence with cause and cure, and as one of the project's error families. Pure.

The texts are those of MIT's error tables (krb5_err.et, kv5m_err.et, and k5_setmsg in its sources), which it prints in English for
programs that choose no language, as this one.
"""

from __future__ import annotations

import re

from trainmaster.errors import DeniedError, TrainmasterError, UnavailableError

KIND = "Kerberos"
_LATER = re.compile(
    "Cannot (contact any|find) KDC|Cannot resolve network address|KDC policy rejects|expired|"
    "No Kerberos credentials available|cannot find mechanisms|"
    "Resource temporarily unavailable|Connection (timed out|refused)|Temporary failure"
)
"""what may be well again without a change here"""
_CURES: tuple[tuple[str, str], ...] = (
    (
        r"Clock skew",
        "this machine's clock and that of the KDC differ by more than is allowed (five minutes by default): set both by NTP",
    ),
    (
        r"Cannot (contact any|find) KDC|Cannot resolve network address",
        "no KDC of the realm answers: is it up and reachable from here, and does {config} name it?",
    ),
    (
        r"Preauthentication failed|Password incorrect|Decrypt integrity check failed|Integrity check on decrypted field",
        "the key in {keytab} isn't the one that the KDC has for {principal}: export the keytab anew",
    ),
    (
        r"Client .*not found in Kerberos database|Client not found",
        "the KDC knows no {principal}: is it spelled right, realm included?",
    ),
    (
        r"Server .*not found in Kerberos database|Server not found",
        "the KDC knows no principal of that service: its address must be the name in its principal",
    ),
    (
        r"No Kerberos credentials available|No credentials cache|Matching credential not found|cannot find mechanisms",
        "there is no ticket: kinit gets one, or for a controller the settings kerberos.keytab and kerberos.principal",
    ),
    (
        r"expired",
        "the ticket has expired: kinit gets another one, or for a controller the settings kerberos.keytab and kerberos.principal",
    ),
    (
        r"default realm|Cannot find realm|[Cc]onfiguration file",
        "{config} can't be read, or names no realm: default_realm in its [libdefaults]",
    ),
    (r"no support for encryption type|etype", "{keytab} and the KDC have no kind of encryption in common"),
)
"""the first that is found in the text tells the cure"""


def told(text: str, principal: str = "", keytab: str = "", config: str = "") -> TrainmasterError:
    """The error for a text of the library: UnavailableError for what may pass, else DeniedError."""
    names = {
        "principal": principal or "this principal",
        "keytab": keytab or "the keytab",
        "config": config or "/etc/krb5.conf",
    }
    cure = next((cure.format(**names) for found, cure in _CURES if re.search(found, text)), "")
    words = f"{cure} ({text})" if cure else text
    if _LATER.search(text):
        return UnavailableError(f"Kerberos: {words}")
    return DeniedError(KIND, words)
