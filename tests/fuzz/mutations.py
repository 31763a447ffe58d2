"""Makes of a sound message one that isn't quite: edits of JSON's trees, of protobufs' fields, and of bytes.

An edit is three numbers, taken off the bytes of a case. Most cases have few edits: what is nearly sound gets furthest. Never
here: what a message means, or who reads it.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Edit = tuple[int, int, int]
"""where, what and by which odd value; each taken modulo how many there are"""

CASES = st.binary(max_size=60)
"""what a case is made of: Hypothesis draws and shortens it as one value, which is quicker than hundreds of numbers"""
_MOST = 6
"""edits of one thing"""


class Draws:
    """Takes one number after the other off a case; once it is used up all are 0, which stands for no edit."""

    def __init__(self, case: bytes) -> None:
        self._left = iter(case)

    def number(self) -> int:
        return next(self._left, 0)

    def edits(self) -> list[Edit]:
        return [(self._two(), self.number(), self.number()) for _ in range(self.number() % _MOST)]

    def seldom(self) -> list[Edit]:
        """Mostly none: what else is edited shall be reached."""
        return self.edits() if self.number() % 3 == 1 else []

    def _two(self) -> int:
        return self.number() << 8 | self.number()


DEEP = "<deep>"
"""stands for a value inside thousands of lists, which no writer of JSON would write"""
DEPTH, _LONG = 5_000, 20_000
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**400),
    *(math.inf, -math.inf, math.nan, 1e308, 5e-324),
    *(
        "",
        " ",
        "0",
        "-1",
        "NaN",
        "1e999",
        "9" * 400,
        "\x00",
        "\ud800",
        "\u202eé",
        "a\nb",
        "${x}",
        "../..",
        DEEP,
    ),
    *("x" * _LONG, "\\" * 300, '"', "%s{}", "<script>", "\x1b[31m", "2026-99-99", "application_1_1"),
    *([], {}, [None], {"": None}, [[]], {"a": {"a": []}}, [{}] * 50, {str(n): n for n in range(50)}),
)
_ODD_BYTES: tuple[bytes, ...] = (
    *(b"", b"\x00", b"\xff", b"\x80", b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"),
    *(b"\xff" * 10, b"\xff\xff\xff\xff\x07", b"\xf0\x9f", b"\xed\xa0\x80", b"\xc0\x80", b"\n", b"\r", b"\t"),
    *(
        b'"',
        b"'",
        b"\\",
        b"{",
        b"[",
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"!!python/object:os.system ",
        b"|\n",
        b"---\n",
    ),
    *(b"\x1b[31m", b"=", b",", b"${", b"\n" * 1000, b"[" * 3000, b"a" * 70_000),
)
_ODD_INTS = (0, 1, 127, 128, 2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)

# --- trees, as JSON and YAML have them


def edited(tree: Any, edits: Sequence[Edit]) -> Any:
    """The same tree with these edits."""
    root = [copy.deepcopy(tree)]
    for where, what, odd in edits:
        places = list(_places(root))
        if places:
            holder, key = places[where % len(places)]
            _TREE_EDITS[what % len(_TREE_EDITS)](holder, key, odd)
    return root[0] if root else None


def json_text(tree: Any, edits: Sequence[Edit] = ()) -> str:
    """The tree with these edits as JSON."""
    text = json.dumps(edited(tree, edits))
    return text.replace(json.dumps(DEEP), "[" * DEPTH + "]" * DEPTH)


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of a tree by what holds it and its place there."""
    waiting = [root]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def _replaced(holder: Any, key: Any, odd: int) -> None:
    holder[key] = copy.deepcopy(_ODD[odd % len(_ODD)])


def _gone(holder: Any, key: Any, odd: int) -> None:
    del holder[key]


def _wrapped(holder: Any, key: Any, odd: int) -> None:
    holder[key] = [holder[key]] if odd % 2 else {"entry": holder[key]}


def _unwrapped(holder: Any, key: Any, odd: int) -> None:
    value = holder[key]
    if isinstance(value, dict | list) and value:
        inside = list(value.values()) if isinstance(value, dict) else value
        holder[key] = inside[odd % len(inside)]


def _renamed(holder: Any, key: Any, odd: int) -> None:
    if isinstance(holder, dict):
        holder[str(_ODD[odd % len(_ODD)])] = holder.pop(key)


def _again(holder: Any, key: Any, odd: int) -> None:
    times = (1, 2, 200)[odd % 3]
    if isinstance(holder, list):
        holder[key:key] = [holder[key]] * times
    else:
        holder[f"{key}{odd}"] = copy.deepcopy(holder[key])


def _as_text(holder: Any, key: Any, odd: int) -> None:
    if not isinstance(holder[key], dict | list):
        holder[key] = f"{holder[key]}{_ODD[odd % len(_ODD)] if odd % 2 else ''}"


_TREE_EDITS: tuple[Callable[[Any, Any, int], None], ...] = (
    *(_replaced, _replaced, _replaced, _gone, _gone),
    *(_wrapped, _unwrapped, _renamed, _again, _as_text),
)

# --- bytes


def bitten(data: bytes, edits: Sequence[Edit]) -> bytes:
    """The same bytes with these edits."""
    for where, what, odd in edits:
        at = where * 7919 % (len(data) + 1)
        end = min(len(data), at + 1 + odd % 64)
        other = _ODD_BYTES[odd % len(_ODD_BYTES)]
        data = (
            data[:at],
            data[at:],
            data[:at] + data[end:],
            data[:at] + other + data[at:],
            data[:at] + other + data[at + len(other) :],
            data[:at] + data[at:end] * (2, 3, 500)[odd % 3] + data[end:],
            data[:at] + bytes(byte ^ (1 << odd % 8) for byte in data[at : at + 1]) + data[at + 1 :],
        )[what % 7]
    return data


def pieces(data: bytes, edits: Sequence[Edit]) -> list[bytes]:
    """The same bytes, cut where a network might cut them."""
    cuts = sorted({where % (len(data) + 1) for where, _, _ in edits})
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if end > start]


# --- protobuf, as it lies on the wire

Field = list[Any]
"""number, wire type, and the value: a whole number, bytes, or for a message its fields"""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def twisted(message: Any, edits: Sequence[Edit]) -> bytes:
    """A protobuf message with these edits of its fields, as bytes that mostly can still be read."""
    fields = _fields(message)
    for where, what, odd in edits:
        places = list(_field_places(fields))
        if places:
            holder, at = places[where % len(places)]
            _FIELD_EDITS[what % len(_FIELD_EDITS)](holder, at, odd)
    return _written(fields)


def _fields(message: Any) -> list[Field]:
    found: list[Field] = []
    for descriptor, value in message.ListFields():
        for each in value if descriptor.is_repeated else [value]:
            found += [_field(descriptor, each)]
    return found


def _field(descriptor: Any, value: Any) -> Field:
    if descriptor.type == descriptor.TYPE_MESSAGE:
        return [descriptor.number, _BYTES, _fields(value)]
    if isinstance(value, str | bytes):
        return [descriptor.number, _BYTES, value.encode() if isinstance(value, str) else value]
    if isinstance(value, float):
        return [descriptor.number, _FIXED32, int(value)]
    signed = descriptor.type in (descriptor.TYPE_SINT32, descriptor.TYPE_SINT64)
    number = (value << 1) ^ (value >> 63) if signed else int(value)
    return [descriptor.number, _VARINT, number & (2**64 - 1)]


def _field_places(fields: list[Field]) -> Iterator[tuple[list[Field], int]]:
    waiting = [fields]
    while waiting:
        holder = waiting.pop()
        for at, (_, _, value) in enumerate(holder):
            yield holder, at
            if isinstance(value, list):
                waiting.append(value)


def _other_value(holder: list[Field], at: int, odd: int) -> None:
    kind = holder[at][1]
    odds = _ODD_BYTES if kind == _BYTES else _ODD_INTS
    holder[at][2] = odds[odd % len(odds)]


def _other_kind(holder: list[Field], at: int, odd: int) -> None:
    kind = (_VARINT, _FIXED64, _BYTES, _FIXED32, 3, 6)[odd % 6]
    holder[at][1:] = [kind, b"\xff\xfe" if kind == _BYTES else _ODD_INTS[odd % len(_ODD_INTS)]]


def _other_number(holder: list[Field], at: int, odd: int) -> None:
    holder[at][0] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 18999, 2**29 - 1)[odd % 13]


def _out(holder: list[Field], at: int, odd: int) -> None:
    del holder[at]


def _more_often(holder: list[Field], at: int, odd: int) -> None:
    holder[at:at] = [holder[at][:] for _ in range((1, 2, 30)[odd % 3])]


def _inside_itself(holder: list[Field], at: int, odd: int) -> None:
    number, inner = holder[at][0], holder[at]
    for _ in range((1, 10, 150)[odd % 3]):
        inner = [number, _BYTES, [inner]]
    holder[at] = inner


_FIELD_EDITS: tuple[Callable[[list[Field], int, int], None], ...] = (
    *(_other_value, _other_value, _other_value, _other_kind, _other_number, _out),
    *(_more_often, _inside_itself),
)


def _written(fields: Sequence[Field], left: int = 120) -> bytes:
    """What lies deeper than any reader goes is left out."""
    return b"".join(_one(*field, left) for field in fields) if left else b""


def _one(number: int, kind: int, value: Any, left: int) -> bytes:
    tag = varint(number << 3 | kind)
    if kind == _BYTES:
        data = _written(value, left - 1) if isinstance(value, list) else value
        return tag + varint(len(data)) + data
    if isinstance(value, list | bytes):
        return tag
    if kind in (_FIXED64, _FIXED32):
        size = 8 if kind == _FIXED64 else 4
        return tag + (value & (2 ** (8 * size) - 1)).to_bytes(size, "little")
    return tag + varint(value)


def varint(number: int) -> bytes:
    """As protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])
