"""The OpenAPI 3.1 document, made from the descriptors that serve the routes: it cannot disagree with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from aljibe.common.v1 import options_pb2
from services.gateway.adapters.routes import Route

OPENAPI_VERSION = "3.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Mapping[int, dict[str, Any]] = {
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
_WELL_KNOWN: Mapping[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "examples": ["3.5s"]},
    "google.protobuf.Empty": {"type": "object"},
    "google.protobuf.Struct": {"type": "object"},
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem. `reason` is stable and for programs; `detail` for a person, es or en.",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "reason": {"type": "string"},
        "facts": {"type": "object", "additionalProperties": {"type": "string"}},
        "violations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "description", "reason")},
            },
        },
        "instance": {"type": "string", "description": "`urn:trace:` and the W3C trace id."},
    },
}
_PROBLEM_ANSWER = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def document(routes: Iterable[Route], comments: Mapping[str, str], version: str) -> dict[str, Any]:
    """The whole document for `routes`; descriptions are the contract's comments."""
    schemas = _Schemas(comments)
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, str] = {}
    for route in routes:
        service = route.method.containing_service
        tags[service.name] = comments.get(service.full_name, "")
        operation = _operation(route, schemas, comments)
        paths.setdefault(route.template, {})[route.verb.lower()] = operation
    return {
        "openapi": OPENAPI_VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Aljibe",
            "version": version,
            "summary": "One stock pool, every channel.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in sorted(tags.items())],
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **schemas.all()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(route: Route, schemas: _Schemas, comments: Mapping[str, str]) -> dict[str, Any]:
    method = route.method
    text = comments.get(method.full_name, "")
    access = method.GetOptions().Extensions[options_pb2.access]
    roles = ", ".join(options_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in access.roles)
    in_path = {name.split(".")[0] for name in route.variables}
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": _told(method.input_type, name, comments),
        }
        for name in route.variables
    ]
    if route.takes_request_id:
        parameters.append(_IDEMPOTENCY_KEY)
    if not route.body:
        parameters += [
            {
                "name": field.camelcase_name,
                "in": "query",
                "schema": schemas.field(field),
                "description": comments.get(field.full_name, ""),
            }
            for field in method.input_type.fields
            if field.name not in in_path and field.message_type is None
        ]
    answer = schemas.reference(method.output_type)
    media = "text/event-stream" if method.server_streaming else "application/json"
    operation: dict[str, Any] = {
        "operationId": f"{method.containing_service.name}_{method.name}_{route.verb.lower()}",
        "tags": [method.containing_service.name],
        "summary": text.split(". ")[0].split("\n")[0].rstrip("."),
        "description": f"{text}\n\nRoles: {roles}." if roles else text,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": comments.get(method.output_type.full_name, "OK"),
                "content": {media: {"schema": answer}},
            },
            "default": {"description": "Refused.", "content": _PROBLEM_ANSWER},
        },
    }
    if route.body:
        field = method.input_type.fields_by_name.get(route.body)
        part = field.message_type if field is not None else None
        source = part if part is not None else method.input_type
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.reference(source)}},
        }
    return operation


_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 100},
    "description": "The request_id: a repeat returns the first answer; other content is REQUEST_ID_REUSED.",
}


def _told(message: Descriptor, path: str, comments: Mapping[str, str]) -> str:
    first, _, rest = path.partition(".")
    field = message.fields_by_name[first]
    if rest and field.message_type is not None:
        return _told(field.message_type, rest, comments)
    return comments.get(field.full_name, "")


class _Schemas:
    """Component schemas, each made when it is first referred to."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        self._made: dict[str, dict[str, Any]] = {}

    def all(self) -> dict[str, dict[str, Any]]:
        return dict(sorted(self._made.items()))

    def reference(self, message: Descriptor) -> dict[str, Any]:
        known = _WELL_KNOWN.get(message.full_name)
        if known is not None:
            return known
        name = _component(message.full_name)
        if name not in self._made:
            self._made[name] = {}  # messages may hold themselves
            self._made[name] = self._message(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor) -> dict[str, Any]:
        rules = field.GetOptions().Extensions[options_pb2.rules]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {
                "type": "object",
                "additionalProperties": self._value(field.message_type.fields_by_name["value"], rules),
            }
        value = self._value(field, rules)
        if field.is_repeated:
            listed: dict[str, Any] = {"type": "array", "items": value}
            if rules.HasField("min_items"):
                listed["minItems"] = rules.min_items
            if rules.HasField("max_items"):
                listed["maxItems"] = rules.max_items
            return listed
        return value

    def _message(self, message: Descriptor) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required: list[str] = []
        for field in message.fields:
            schema = self.field(field)
            text = self._comments.get(field.full_name)
            properties[field.camelcase_name] = {**schema, "description": text} if text else schema
            if field.GetOptions().Extensions[options_pb2.rules].required:
                required.append(field.camelcase_name)
        made: dict[str, Any] = {"type": "object", "properties": properties}
        text = self._comments.get(message.full_name)
        if text:
            made["description"] = text
        if required:
            made["required"] = required
        return made

    def _value(self, field: FieldDescriptor, rules: options_pb2.Rules) -> dict[str, Any]:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        schema = dict(_SCALARS[field.type])
        if schema["type"] == "string":
            if rules.HasField("max_len"):
                schema["maxLength"] = rules.max_len
            if rules.HasField("min_len") or (rules.required and not field.is_repeated):
                schema["minLength"] = max(rules.min_len, 1)
            if rules.pattern:
                schema["pattern"] = f"^(?:{rules.pattern})$"
            if rules.in_strings:
                schema["enum"] = list(rules.in_strings)
            if rules.currency:
                schema["pattern"] = "^[A-Z]{3}$" if rules.required else "^([A-Z]{3})?$"
            if rules.country:
                schema["pattern"] = "^[A-Z]{2}$" if rules.required else "^([A-Z]{2})?$"
        else:
            bounds = {"gte": "minimum", "lte": "maximum", "gte_double": "minimum", "lte_double": "maximum"}
            schema.update({bounds[f.name]: value for f, value in rules.ListFields() if f.name in bounds})
        return schema

    def _enum(self, enum: EnumDescriptor) -> dict[str, Any]:
        name = _component(enum.full_name)
        if name not in self._made:
            told = [
                f"- `{v.name}`: {self._comments.get(f'{enum.full_name}.{v.name}', '')}" for v in enum.values
            ]
            text = self._comments.get(enum.full_name, "")
            self._made[name] = {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": "\n".join([text, "", *told]),
            }
        return {"$ref": f"#/components/schemas/{name}"}


def _component(full_name: str) -> str:
    # aljibe.orders.v1.Order → orders.v1.Order: names stay apart without saying the product's name each time.
    return full_name.removeprefix("aljibe.")
