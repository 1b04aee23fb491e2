"""JSON to messages and back by the descriptors alone.

ProtoJSON: lowerCamelCase names, 64-bit integers as strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.gateway.adapters.json_codec import MAX_JSON_DEPTH, JsonCodec
from services.gateway.adapters.problems import BadRequestProblem
from services.gateway.adapters.routes import Route

_CODEC = JsonCodec()
_TRUE, _FALSE = "true", "false"
_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)


def build_request(
    route: Route,
    variables: Mapping[str, str],
    query: Sequence[tuple[str, str]],
    body: bytes,
    idempotency_key: str,
) -> Message:
    """The gRPC request of an HTTP request.

    Raises:
        BadRequestProblem: JSON_MALFORMED, FIELD_INVALID or REQUEST_ID_MISMATCH; nothing has been called yet.
    """
    request = _message(route, _document(route, body)) if route.body else route.request_class()
    content: dict[str, Any] = {}
    for path, text in query:
        if route.body == "*":
            raise BadRequestProblem(
                "FIELD_INVALID", f"this call takes no query parameters, but got {path!r}", field=path
            )
        _place(content, route.method.input_type, path, text)
    _refuse_contradictions(request, variables)
    if not query and route.plain_variables:
        for path, text in variables.items():
            setattr(request, path, text)
    else:
        for path, text in variables.items():
            _place(content, route.method.input_type, path, text, replace=True)
        if content:
            _merge(request, content)
    if idempotency_key and route.takes_request_id:
        _take_idempotency_key(request, idempotency_key)
    return request


def to_json(message: Message) -> bytes:
    """ProtoJSON of `message`; fields at their default value are left out."""
    return orjson.dumps(_CODEC.document(message))


def _document(route: Route, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestProblem("JSON_MALFORMED", f"the body is not JSON: {error}") from error
    if route.body != "*":
        return {route.body: document}
    if not isinstance(document, dict):
        raise BadRequestProblem("JSON_MALFORMED", "the body must be a JSON object")
    return document


def _message(route: Route, document: dict[str, Any]) -> Message:
    try:
        return _CODEC.message(route.request_class, document)
    except json_format.ParseError as error:
        raise BadRequestProblem("FIELD_INVALID", str(error)) from error


def _merge(request: Message, content: dict[str, Any]) -> None:
    try:
        json_format.ParseDict(content, request, max_recursion_depth=MAX_JSON_DEPTH)
    except json_format.ParseError as error:
        raise BadRequestProblem("FIELD_INVALID", str(error)) from error


def _refuse_contradictions(request: Message, variables: Mapping[str, str]) -> None:
    """A body that names another resource than the path is a mistake that must not be decided silently."""
    for path, text in variables.items():
        if "." not in path:
            said = getattr(request, path)
            if said and str(said) != text:
                raise BadRequestProblem(
                    "FIELD_INVALID", f"the path says {text!r}, the body says {said!r}", field=path
                )


def _take_idempotency_key(request: Message, key: str) -> None:
    said: str = request.request_id  # type: ignore[attr-defined]
    if said and said != key:
        raise BadRequestProblem(
            "REQUEST_ID_MISMATCH", "Idempotency-Key and request_id differ", field="request_id"
        )
    request.request_id = key  # type: ignore[attr-defined]


def _place(
    content: dict[str, Any], descriptor: Descriptor, path: str, text: str, *, replace: bool = False
) -> None:
    """Puts one query parameter or path variable where its dotted path says."""
    *parents, last = path.split(".")
    for name in parents:
        field = _field(descriptor, name, path)
        if field.message_type is None or field.is_repeated:
            raise BadRequestProblem("FIELD_INVALID", f"{path!r} names no field", field=path)
        content = content.setdefault(field.name, {})
        descriptor = field.message_type
    field = _field(descriptor, last, path)
    if field.message_type is not None and field.message_type.full_name != "google.protobuf.Timestamp":
        raise BadRequestProblem("FIELD_INVALID", f"{path!r} cannot be given in the address", field=path)
    value = _value(field, text, path)
    if field.is_repeated:
        content.setdefault(field.name, []).append(value)
    elif field.name in content and not replace:
        raise BadRequestProblem("FIELD_INVALID", f"{path!r} is given twice", field=path)
    else:
        content[field.name] = value


def _field(descriptor: Descriptor, name: str, path: str) -> FieldDescriptor:
    field = descriptor.fields_by_name.get(name) or descriptor.fields_by_camelcase_name.get(name)
    if field is None:
        raise BadRequestProblem("FIELD_INVALID", f"{path!r} is not a field of {descriptor.name}", field=path)
    return field


def _value(field: FieldDescriptor, text: str, path: str) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text in (_TRUE, _FALSE):
            return text == _TRUE
        raise BadRequestProblem("FIELD_INVALID", f"{path!r} must be true or false", field=path)
    if field.cpp_type in _NUMBERS:
        try:
            return int(text)
        except ValueError as error:
            raise BadRequestProblem(
                "FIELD_INVALID", f"{path!r} must be a whole number", field=path
            ) from error
    return text
