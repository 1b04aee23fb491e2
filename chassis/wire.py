"""Messages in wire form from their parts, without building them.

A message that is only sent, or stored as bytes, need not become an object first: building one costs several
times what its bytes cost, and a message put into another is copied. `writer` compiles a message type into a
function that takes the fields and gives the bytes; messages inside are given in wire form, so what goes to
two places is written once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from keyword import iskeyword
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.contract import ContractError

Writer = Callable[..., bytes]

_F = FieldDescriptor
_VARINTS = (
    _F.TYPE_INT32,
    _F.TYPE_INT64,
    _F.TYPE_UINT32,
    _F.TYPE_UINT64,
    _F.TYPE_ENUM,
    _F.TYPE_BOOL,
)
_FIXED = {_F.TYPE_DOUBLE: "_double", _F.TYPE_FIXED64: "_fixed64", _F.TYPE_FIXED32: "_fixed32"}
_WIRE_VARINT, _WIRE_64_BITS, _WIRE_SIZED, _WIRE_32_BITS = 0, 1, 2, 5
_64_BITS = (1 << 64) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def varint(number: int) -> bytes:
    """A whole number as protobuf writes it; negative ones take ten bytes."""
    number &= _64_BITS
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_KNOWN = 1 << 14
_SHORT = tuple(varint(number) for number in range(_KNOWN))


def writer(message: type[Message]) -> Writer:
    """A function that takes fields of `message` as keywords and gives its wire form, byte by byte what
    `SerializeToString` gives.

    Messages inside are bytes, None when they are not set; a repeated field takes an iterable. Fields of
    presence take None as well. Maps, groups, lists of numbers, and `float` and signed numbers of fixed size
    are not offered.

    Raises:
        ContractError: the message has a field of a kind that is not offered.
    """
    if words := [name for name in message.DESCRIPTOR.fields_by_name if iskeyword(name)]:
        raise ContractError(f"{message.DESCRIPTOR.full_name}: {words[0]} cannot be the name of an argument")
    by_number = message.DESCRIPTOR.fields_by_number
    fields: list[Any] = [by_number[number] for number in sorted(by_number)]
    arguments = ", ".join(f"{field.name}={_default(field)!r}" for field in fields)
    body = "\n".join(_lines(field) for field in fields)
    source = f"def write(*, {arguments}):\n    out = []\n{body}\n    return _join(out)\n"
    names: dict[str, Any] = {
        "_join": b"".join,
        "_known": _KNOWN,
        "_short": _SHORT,
        "_varint": varint,
        "_double": struct.Struct("<d").pack,
        "_fixed64": struct.Struct("<Q").pack,
        "_fixed32": struct.Struct("<I").pack,
    }
    # As in the standard library's dataclasses: one function per type, with no loop over fields at run time.
    # Nothing but names and numbers of our own contract goes into it.
    exec(source, names)  # noqa: S102
    write: Writer = names["write"]
    write.__doc__ = f"{message.DESCRIPTOR.full_name} in wire form."
    return write


def _default(field: FieldDescriptor) -> object:
    if field.is_repeated:
        return ()
    if field.message_type is not None or field.has_presence:
        return None
    return field.default_value


def _lines(field: FieldDescriptor) -> str:
    """The statements that append one field to `out`."""
    name = field.name
    if field.is_repeated:
        if field.type not in (_F.TYPE_STRING, _F.TYPE_BYTES, _F.TYPE_MESSAGE) or _is_map(field):
            raise ContractError(f"{field.full_name}: lists of this kind have no writer")
        return f"    for one in {name}:\n{_append(field, 'one', 8)}"
    present = f"{name} is not None" if _default(field) is None else name
    if field.type == _F.TYPE_DOUBLE and not field.has_presence:
        # Protobuf leaves out zero, but not the zero below it.
        present = f"{name} or str({name}) == '-0.0'"
    return f"    if {present}:\n{_append(field, name, 8)}"


def _append(field: FieldDescriptor, value: str, indent: int) -> str:
    blank = " " * indent
    if field.type in _VARINTS:
        tag = varint(field.number << 3 | _WIRE_VARINT)
        number = f"_short[{value}] if 0 <= {value} < _known else _varint({value})"
        return f"{blank}out += ({tag!r}, {number})"
    if field.type in _FIXED:
        wire_type = _WIRE_32_BITS if field.type == _F.TYPE_FIXED32 else _WIRE_64_BITS
        tag = varint(field.number << 3 | wire_type)
        return f"{blank}out += ({tag!r}, {_FIXED[field.type]}({value}))"
    if field.type not in (_F.TYPE_STRING, _F.TYPE_BYTES, _F.TYPE_MESSAGE):
        raise ContractError(f"{field.full_name}: fields of this type have no writer")
    tag = varint(field.number << 3 | _WIRE_SIZED)
    content = f"{value}.encode()" if field.type == _F.TYPE_STRING else value
    return (
        f"{blank}content = {content}\n"
        f"{blank}size = len(content)\n"
        f"{blank}out += ({tag!r}, _short[size] if size < _known else _varint(size), content)"
    )


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


_timestamp = writer(Timestamp)


def timestamp(time: datetime) -> bytes:
    """google.protobuf.Timestamp of a timezone-aware time, to the microsecond."""
    since = time - _EPOCH
    return _timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)
