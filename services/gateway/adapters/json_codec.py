"""ProtoJSON compiled from descriptors: one function a message type to a JSON document, one back.

`google.protobuf.json_format` walks the descriptors anew for every message, which costs a gateway more than
all else it does. Here that walk happens once, and what remains is a function that reads exactly the fields
there are. json_format stays the reference: types with a JSON form of their own other than Timestamp go
through it, and so does every document that is not written plainly, so that what is accepted and what is
said of a wrong one is its answer, word for word. See ADR-0012.
"""

from __future__ import annotations

import keyword
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from math import copysign, isfinite
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

MAX_JSON_DEPTH = 32
M = TypeVar("M", bound=Message)
Encoder = Callable[[Any], Any]
Converter = Callable[[Any], Any]

_TIMESTAMP = "google.protobuf.Timestamp"
_OWN_FORM_FILES = frozenset(
    f"google/protobuf/{name}.proto" for name in ("any", "duration", "field_mask", "struct", "wrappers")
)
_WIDE = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_INTEGERS = _WIDE | {FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32}
_MAX_SECONDS_KEPT = 4096
_CALENDAR = range(-62135596800, 253402300800)
"""Seconds of the years 1 to 9999, which is all that a Timestamp may hold."""


class _Unusual(Exception):
    """The document is not written plainly; json_format decides what it means."""


class JsonCodec:
    """Encoders and decoders by message type, compiled when a type is first met."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._scope: dict[str, Any] = {
            "b64": b64encode,
            "copysign": copysign,
            "isfinite": isfinite,
            "odd": _odd_number,
            "reference": json_format.MessageToDict,
            "stamp": _Stamps().text,
        }
        self._decoders: dict[str, Converter] = {}
        self._encode: dict[type[Message], Encoder] = {}
        self._decode: dict[type[Message], Converter] = {}

    def document(self, message: Message) -> Any:
        """What `json_format.MessageToDict` makes of `message`.

        Raises ValueError or `json_format.SerializeToJsonError` for a time that no calendar has.
        """
        kind = type(message)
        encode = self._encode.get(kind)
        if encode is None:
            encode = self._encode[kind] = self._scope[self._encoder_name(cast(Descriptor, kind.DESCRIPTOR))]
        return encode(message)

    def message(self, kind: type[M], document: Any) -> M:
        """What `json_format.ParseDict` makes of parsed JSON; raises `json_format.ParseError` as that does."""
        convert = self._decode.get(kind)
        if convert is None:
            convert = self._decode[kind] = self._decoder(cast(Descriptor, kind.DESCRIPTOR))
        try:
            return kind(**convert(document))
        except (_Unusual, KeyError, TypeError, ValueError, OverflowError):
            # Also whatever the message's own constructor finds wrong: numbers out of range, for one.
            message = kind()
            json_format.ParseDict(document, message, max_recursion_depth=MAX_JSON_DEPTH)
            return message

    # To JSON: source text, because a function without a loop over fields takes two thirds of the time.

    def _encoder_name(self, descriptor: Descriptor) -> str:
        full_name: str = descriptor.full_name
        if full_name == _TIMESTAMP:
            return "stamp"
        if _is_rare(descriptor):
            return "reference"
        name = self._names.get(full_name)
        if name is None:
            name = self._names[full_name] = f"message_{len(self._names)}"
            lines = [f"def {name}(m):", " d = {}"]
            for field in sorted(descriptor.fields, key=lambda field: field.number):
                lines += self._field(field)
            source = "\n".join((*lines, " return d"))
            # The text is made of the contract's own names and never of anything that arrives.
            exec(compile(source, f"<ProtoJSON of {full_name}>", "exec"), self._scope)  # noqa: S102
        return name

    def _field(self, field: FieldDescriptor) -> list[str]:
        read, key = f"m.{field.name}", f"d[{field.json_name!r}]"
        if _is_map(field):
            map_key, item = _entry(field)
            value = self._value(item, "v[k]")
            return [f" v = {read}", f" if v: {key} = {{{_map_key(map_key)}: {value} for k in v}}"]
        if field.is_repeated:
            value = self._value(field, "x")
            made = "[*v]" if value == "x" else f"[{value} for x in v]"
            return [f" v = {read}", f" if v: {key} = {made}"]
        if field.has_presence:
            return [
                f" if m.HasField({field.name!r}):",
                f"  v = {read}",
                f"  {key} = {self._value(field, 'v')}",
            ]
        there = "v"
        if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
            # Minus zero is not the default.
            there = "v or copysign(1.0, v) < 0.0"
        return [f" v = {read}", f" if {there}: {key} = {self._value(field, 'v')}"]

    def _value(self, field: FieldDescriptor, variable: str) -> str:
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_MESSAGE:
                return f"{self._encoder_name(_message_type(field))}({variable})"
            case FieldDescriptor.CPPTYPE_ENUM:
                return f"{self._enum_name(_enum_type(field))}.get({variable}, {variable})"
            case FieldDescriptor.CPPTYPE_INT64 | FieldDescriptor.CPPTYPE_UINT64:
                return f"str({variable})"
            case FieldDescriptor.CPPTYPE_DOUBLE:
                return f"{variable} if isfinite({variable}) else odd({variable})"
            case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
                return f"b64({variable}).decode()"
        return variable

    def _enum_name(self, descriptor: EnumDescriptor) -> str:
        name = self._names.get(descriptor.full_name)
        if name is None:
            name = self._names[descriptor.full_name] = f"enum_{len(self._names)}"
            self._scope[name] = {number: value.name for number, value in descriptor.values_by_number.items()}
        return name

    # From JSON: to the arguments of the message's constructor, which does the rest in C.

    def _decoder(self, descriptor: Descriptor) -> Converter:
        found = self._decoders.get(descriptor.full_name)
        if found is None:
            if descriptor.full_name == _TIMESTAMP:
                found = _timestamp
            elif _is_rare(descriptor):
                found = _unusual
            else:
                found = self._compile_decoder(descriptor)
            self._decoders[descriptor.full_name] = found
        return found

    def _compile_decoder(self, descriptor: Descriptor) -> Converter:
        table: dict[str, tuple[str, Converter | None]] = {}
        for field in descriptor.fields:
            entry = (field.name, self._converter(field))
            table[field.json_name] = table[field.name] = entry
        choices = [{field.name for field in one.fields} for one in descriptor.oneofs if len(one.fields) > 1]

        def decode(document: Any) -> dict[str, Any]:
            if type(document) is not dict:
                raise _Unusual
            arguments: dict[str, Any] = {}
            for key, value in document.items():
                name, convert = table[key]
                # Null means absent, to the constructor as well; a field under both of its names is odd.
                if value is None or name in arguments:
                    raise _Unusual
                arguments[name] = value if convert is None else convert(value)
            for choice in choices:
                if len(choice & arguments.keys()) > 1:
                    raise _Unusual
            return arguments

        return decode

    def _converter(self, field: FieldDescriptor) -> Converter | None:
        if _is_map(field):
            key, item = _entry(field)
            if key.cpp_type != FieldDescriptor.CPPTYPE_STRING or item.message_type is not None:
                return _unusual
            return _map_of(self._converter(item) or _text)
        one = self._single(field)
        return _list_of(one) if field.is_repeated else one

    def _single(self, field: FieldDescriptor) -> Converter | None:
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            return self._decoder(_message_type(field))
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            return {value.name: value.number for value in _enum_type(field).values}.__getitem__
        if field.cpp_type in _INTEGERS:
            return _integer
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return _boolean
        if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
            return _number
        # The constructor itself insists on text.
        return _unusual if field.type == FieldDescriptor.TYPE_BYTES else None


class _Stamps:
    """RFC 3339 text of Timestamps, as `Timestamp.ToJsonString`; many share their second."""

    def __init__(self) -> None:
        self._seconds: dict[int, str] = {}

    def text(self, stamp: Timestamp) -> str:
        seconds, nanos = stamp.seconds, stamp.nanos
        prefix = self._seconds.get(seconds)
        if prefix is None:
            if seconds not in _CALENDAR:
                return stamp.ToJsonString()  # refuses it
            if len(self._seconds) >= _MAX_SECONDS_KEPT:
                self._seconds.clear()
            since = datetime.fromtimestamp(0, UTC).toordinal() + seconds // 86_400
            rest = seconds % 86_400
            day = datetime.fromordinal(since).date().isoformat()
            prefix = f"{day}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
            self._seconds[seconds] = prefix
        if not nanos:
            return prefix + "Z"
        if not 0 < nanos < 1_000_000_000:
            return stamp.ToJsonString()
        if nanos % 1000:
            return f"{prefix}.{nanos:09d}Z"
        if nanos % 1_000_000:
            return f"{prefix}.{nanos // 1000:06d}Z"
        return f"{prefix}.{nanos // 1_000_000:03d}Z"


def _message_type(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def _enum_type(field: FieldDescriptor) -> EnumDescriptor:
    assert field.enum_type is not None
    return field.enum_type


def _entry(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    names = _message_type(field).fields_by_name
    return names["key"], names["value"]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_rare(descriptor: Descriptor) -> bool:
    """Whether json_format itself must do it: a JSON form of its own, recursion, or what only old protos
    have.
    """
    if descriptor.file.name in _OWN_FORM_FILES or descriptor.is_extendable:
        return True
    if _contains(descriptor, descriptor.full_name, set()):
        return True
    return any(
        field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT
        or field.type == FieldDescriptor.TYPE_GROUP
        or keyword.iskeyword(field.name)
        or (field.enum_type is not None and field.enum_type.is_closed)
        for field in descriptor.fields
    )


def _contains(descriptor: Descriptor, name: str, seen: set[str]) -> bool:
    for field in descriptor.fields:
        child = field.message_type
        if child is None or child.full_name in seen:
            continue
        seen.add(child.full_name)
        if child.full_name == name or _contains(child, name, seen):
            return True
    return False


def _map_key(field: FieldDescriptor) -> str:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return "k"
    return "('true' if k else 'false')" if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL else "str(k)"


def _odd_number(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _unusual(value: Any) -> Any:
    raise _Unusual


def _text(value: Any) -> Any:
    if type(value) is not str:
        raise _Unusual
    return value


def _integer(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value)
    raise _Unusual


def _boolean(value: Any) -> Any:
    if type(value) is not bool:
        raise _Unusual
    return value


def _number(value: Any) -> Any:
    if type(value) is int or (type(value) is float and isfinite(value)):
        return value
    raise _Unusual


def _timestamp(value: Any) -> Any:
    if type(value) is not str:
        raise _Unusual
    made = Timestamp()
    made.FromJsonString(value)
    return made


def _list_of(convert: Converter | None) -> Converter:
    def convert_list(value: Any) -> Any:
        if type(value) is not list:
            raise _Unusual
        return value if convert is None else [convert(item) for item in value]

    return convert_list


def _map_of(convert: Converter) -> Converter:
    def convert_map(value: Any) -> Any:
        if type(value) is not dict:
            raise _Unusual
        return {key: convert(item) for key, item in value.items()}

    return convert_map
