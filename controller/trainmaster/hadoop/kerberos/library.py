"""libgssapi_krb5 (MIT Kerberos) by ctypes: the few calls of RFC 2744 that a client needs, with typed arguments.

By ctypes, since the packages that wrap it are built from source. Never here: what a failure means for a person (words.py).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any

from trainmaster.errors import InvalidError

LIBRARY = "libgssapi_krb5.so.2"
COMPLETE, CONTINUE = 0, 1
MUTUAL, SEQUENCE, CONFIDENTIAL, INTEGRITY = 2, 8, 16, 32
"""flags of a context"""
_INITIATE = 1
OUT_OF_TURN = 2 | 4 | 8 | 16
"""supplementary bits of a major status: a message that was heard before, is too old to tell, comes late, or follows a gap"""
_ERRORS = 0xFFFF0000
"""calling and routine errors in a major status"""
_OF_GSS, _OF_MECHANISM = 1, 2


class GssError(Exception):
    """A call failed; its text is the mechanism's own, else GSSAPI's."""


class Buffer(ctypes.Structure):
    """gss_buffer_desc"""

    kept: Any = None
    _fields_ = (("length", c_size_t), ("value", c_void_p))


class Oid(ctypes.Structure):
    """gss_OID_desc"""

    _fields_ = (("length", c_uint32), ("elements", c_char_p))


class Pair(ctypes.Structure):
    """gss_key_value_element_desc"""

    _fields_ = (("key", c_char_p), ("value", c_char_p))


class Store(ctypes.Structure):
    """gss_key_value_set_desc"""

    _fields_ = (("count", c_uint32), ("elements", POINTER(Pair)))


class OidSet(ctypes.Structure):
    """gss_OID_set_desc"""

    _fields_ = (("count", c_size_t), ("elements", POINTER(Oid)))


def _oid(elements: bytes) -> Oid:
    return Oid(len(elements), elements)


KRB5 = _oid(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
SPNEGO = _oid(b"\x2b\x06\x01\x05\x05\x02")
HOST_SERVICE = _oid(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04")
"""a name such as HTTP@host"""
PRINCIPAL = _oid(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01")
"""a name such as user/host@REALM, as MIT's library has it (GSS_KRB5_NT_PRINCIPAL_NAME)"""

_S, _B, _H = POINTER(c_uint32), POINTER(Buffer), POINTER(c_void_p)
_SIGNATURES: Mapping[str, tuple[Any, ...]] = {
    "gss_import_name": (_S, _B, POINTER(Oid), _H),
    "gss_release_name": (_S, _H),
    "gss_release_buffer": (_S, _B),
    "gss_release_cred": (_S, _H),
    "gss_delete_sec_context": (_S, _H, _B),
    "gss_display_status": (_S, c_uint32, c_int, POINTER(Oid), _S, _B),
    "gss_acquire_cred": (_S, c_void_p, c_uint32, POINTER(OidSet), c_int, _H, c_void_p, _S),
    "gss_acquire_cred_from": (
        *(_S, c_void_p, c_uint32, POINTER(OidSet), c_int, POINTER(Store), _H, c_void_p, _S),
    ),
    "gss_init_sec_context": (
        *(_S, c_void_p, _H, c_void_p, POINTER(Oid), c_uint32, c_uint32, c_void_p, _B),
        *(c_void_p, _B, c_void_p, _S),
    ),
    "gss_wrap": (_S, c_void_p, c_int, c_uint32, _B, POINTER(c_int), _B),
    "gss_unwrap": (_S, c_void_p, _B, _B, POINTER(c_int), c_void_p),
}


@cache
def _loaded() -> Any:
    """The library. InvalidError where the machine has none."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        raise InvalidError(
            f"Kerberos needs {LIBRARY}: install libgssapi-krb5-2 (Debian) or krb5-libs (Red Hat)"
        ) from None
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, c_uint32
    return library


def call(name: str, *arguments: Any, mechanism: Oid = KRB5) -> int:
    """One call, without its first argument, the minor status; its major status. Raises GssError."""
    minor = c_uint32()
    major: int = getattr(_loaded(), name)(byref(minor), *arguments)
    if major & _ERRORS:
        own = _text(minor.value, _OF_MECHANISM, mechanism) if minor.value else ""
        raise GssError(own or _text(major, _OF_GSS, None))
    return major


def _text(code: int, kind: int, mechanism: Oid | None) -> str:
    minor, more, text = c_uint32(), c_uint32(), Buffer()
    library = _loaded()
    which = byref(mechanism) if mechanism is not None else None
    library.gss_display_status(byref(minor), code, kind, which, byref(more), byref(text))
    return taken(text).decode("utf-8", "replace").strip("\0 ")


def given(data: bytes) -> Buffer:
    """A buffer for a call; it keeps the bytes alive for as long as it lives itself."""
    copy = ctypes.create_string_buffer(data, len(data))
    buffer = Buffer(len(data), ctypes.cast(copy, c_void_p))
    buffer.kept = copy
    return buffer


def taken(buffer: Buffer) -> bytes:
    """The bytes of a buffer that the library filled, which is given back to it."""
    data = ctypes.string_at(buffer.value, buffer.length) if buffer.length else b""
    _loaded().gss_release_buffer(byref(c_uint32()), byref(buffer))
    return data


def imported(name: str, kind: Oid) -> c_void_p:
    """A name as the library has it; `release_name` frees it."""
    handle = c_void_p()
    call("gss_import_name", byref(given(name.encode())), byref(kind), byref(handle))
    return handle


def free(function: str, handle: c_void_p) -> None:
    """Give a name or credential back, by the function that is for it."""
    call(function, byref(handle))


def end(context: c_void_p) -> None:
    """Give a context back."""
    call("gss_delete_sec_context", byref(context), None)


def acquire(name: str, keytab: str, cache: str) -> int:
    """Have a ticket of that principal in that cache, by that keytab where there is none or an old one. Seconds that it is good
    for."""
    handle, life, principal = c_void_p(), c_uint32(), imported(name, PRINCIPAL)
    pairs = (Pair * 2)(Pair(b"client_keytab", keytab.encode()), Pair(b"ccache", cache.encode()))
    wanted = OidSet(1, ctypes.pointer(KRB5))
    try:
        store = Store(2, pairs)
        which = (principal, 0, byref(wanted), _INITIATE, byref(store), byref(handle), None, byref(life))
        call("gss_acquire_cred_from", *which)
    finally:
        free("gss_release_name", principal)
    free("gss_release_cred", handle)
    return life.value


def acquire_default() -> int:
    """Whether this process has a ticket: the seconds that it is good for. Raises GssError for none."""
    handle, life = c_void_p(), c_uint32()
    call("gss_acquire_cred", None, 0, None, _INITIATE, byref(handle), None, byref(life))
    free("gss_release_cred", handle)
    return life.value
