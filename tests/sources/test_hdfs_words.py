"""What hdfs-native says when Kerberos gave it no proof of who we are, as a person is told it."""

from __future__ import annotations

import pytest

from trainmaster.errors import TrainmasterError, UnavailableError
from trainmaster.sources.hdfs_files import _family

NO_TICKET = (
    'GSSAPIError(GssMajorCodes { raw: "0x00070000", calling_error: "none", routine_error: "GSS_S_NO_CRED" }, 2529639053, '
    '"No credentials were supplied, or the credentials were unavailable or inaccessible: No Kerberos credentials available '
    '(default cache: FILE:/tmp/krb5cc_0)")'
)
NO_KDC = (
    'GSSAPIError(GssMajorCodes { raw: "0x000d0000" }, 2529638966, "Unspecified GSS failure.  Minor code may provide more '
    "information: Cannot contact any KDC for realm 'R'\")"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [(NO_TICKET, "Kerberos: there is no ticket: kinit"), (NO_KDC, "Kerberos: no KDC of the realm answers")],
)
def test_cause_and_cure_are_those_of_the_librarys_words(text: str, said: str) -> None:
    error: TrainmasterError = _family(RuntimeError(text))
    assert isinstance(error, UnavailableError)
    assert str(error).startswith(said)
    assert "GssMajorCodes" not in str(error)
