"""One authentication with one server, as GSSAPI has it: tokens to and fro, then messages that are signed or sealed.

The first step may ask the KDC for a ticket, so it waits. Never here: whose credentials (those of the process), or a socket.
"""

from __future__ import annotations

import weakref
from ctypes import byref, c_int, c_void_p

from trainmaster.hadoop.kerberos import library
from trainmaster.hadoop.kerberos.library import CONFIDENTIAL, INTEGRITY, KRB5, MUTUAL, SEQUENCE, Buffer


class Context:
    """The client's side. Used by one thread at a time."""

    def __init__(self, service: str, host: str, mechanism: library.Oid = KRB5, realm: str = "") -> None:
        """With the server of that realm; without one, of that which the host belongs to (domain_realm in krb5.conf)."""
        self._mechanism = mechanism
        self._flags = MUTUAL | (SEQUENCE | CONFIDENTIAL | INTEGRITY if mechanism is KRB5 else 0)
        told = (f"{service}/{host}@{realm}", library.PRINCIPAL)
        self._name = library.imported(*(told if realm else (f"{service}@{host}", library.HOST_SERVICE)))
        self._handle = c_void_p()
        weakref.finalize(self, _released, self._name, self._handle)
        self.done = False
        """whether both know each other"""

    def step(self, token: bytes = b"") -> bytes:
        """The answer to the server's token, empty where there is none to give. Raises GssError."""
        heard, answer = library.given(token), Buffer()
        major = library.call(
            "gss_init_sec_context",
            *(None, byref(self._handle), self._name, byref(self._mechanism), self._flags, 0, None),
            *(byref(heard) if token else None, None, byref(answer), None, None),
            mechanism=self._mechanism,
        )
        self.done = not major & library.CONTINUE
        return library.taken(answer)

    def wrap(self, data: bytes, *, sealed: bool) -> bytes:
        """A message that is signed, and `sealed` where nobody else is to read it."""
        answer, was_sealed = Buffer(), c_int()
        said = byref(library.given(data))
        library.call("gss_wrap", self._handle, int(sealed), 0, said, byref(was_sealed), byref(answer))
        text = library.taken(answer)
        if sealed and not was_sealed.value:
            raise library.GssError("the message can't be sealed in this context")
        return text

    def unwrap(self, data: bytes, *, sealed: bool = False) -> bytes:
        """What such a message says. Raises GssError for one that isn't the server's or not the next one, or not sealed though
        it should be."""
        answer, was_sealed = Buffer(), c_int()
        heard = byref(library.given(data))
        major = library.call("gss_unwrap", self._handle, heard, byref(answer), byref(was_sealed), None)
        text = library.taken(answer)
        if major & library.OUT_OF_TURN:
            raise library.GssError("the message is not the next one: it was sent again, or one was held back")
        if sealed and not was_sealed.value:
            raise library.GssError("the message was not sealed")
        return text


def _released(name: c_void_p, handle: c_void_p) -> None:
    library.free("gss_release_name", name)
    if handle.value:
        library.end(handle)
