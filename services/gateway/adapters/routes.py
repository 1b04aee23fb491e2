"""REST routes read from the contract: a method with a `google.api.http` rule is a route, without code.

Path templates follow google.api.http (AIP-127): `{field}` is one segment of the path, a verb may follow the
last segment after a colon. `{field=pattern}` with several segments is refused at start.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

import aljibe

_VARIABLE = re.compile(r"\{([A-Za-z0-9_.]+)(=\*)?\}")
_PACKAGE = re.compile(r"aljibe\.([a-z]+)\.v\d+")
SERVICE_FIELD = "service"
"""Request field that names the target of a method which every service answers (package `aljibe.ops`)."""


class ContractError(Exception):
    """A proto asks for a route that the gateway cannot serve; told at start."""


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP binding of one gRPC method."""

    verb: str
    """HTTP method, upper case."""
    template: str
    """As written in the proto, such as `/v1/orders/{order_id}:cancel`."""
    method: MethodDescriptor
    body: str
    """`*`: the whole request; a field name: that field; empty: there is no body."""
    pattern: re.Pattern[str]
    variables: tuple[str, ...]
    request_class: type[Message]
    response_class: type[Message]
    grpc_path: str
    """Path of the gRPC method, `/package.Service/Method`."""
    owner: str
    """The service that answers, such as `orders`; `ops` for methods that every service answers."""
    takes_request_id: bool
    """Whether the request has a `request_id`, so that `Idempotency-Key` means something."""
    plain_variables: bool
    """Whether each path variable is a text field of the request itself, to be set as it is."""


class RouteTable:
    """All routes, found by verb and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        # Number of slashes and verb after the colon tell nearly all templates apart: few patterns are tried.
        self._by_shape: dict[tuple[int, str], list[Route]] = {}
        for route in self.routes:
            self._by_shape.setdefault(_shape(route.template), []).append(route)

    def find(self, verb: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route and its path variables, percent-decoded; None when there is none."""
        for route in self._by_shape.get(_shape(path), ()):
            if route.verb == verb:
                found = route.pattern.fullmatch(path)
                if found is not None:
                    return route, dict(zip(route.variables, map(unquote, found.groups()), strict=True))
        return None

    def verbs(self, path: str) -> tuple[str, ...]:
        """The HTTP methods that this path knows."""
        return tuple(
            sorted({r.verb for r in self._by_shape.get(_shape(path), ()) if r.pattern.fullmatch(path)})
        )


def routes_of(services: Iterable[ServiceDescriptor]) -> Iterator[Route]:
    """The routes of `services`, in the order of the contract.

    Raises:
        ContractError: a template or streaming form that the gateway does not know, or two equal routes.
    """
    seen: set[tuple[str, str]] = set()
    for service in services:
        for method in service.methods:
            options = method.GetOptions()
            if not options.HasExtension(annotations_pb2.http):
                continue
            rule = options.Extensions[annotations_pb2.http]
            if method.client_streaming:
                raise ContractError(f"{method.full_name}: a client stream cannot be a REST route")
            for binding in (rule, *rule.additional_bindings):
                route = _route(method, binding)
                key = (route.verb, _VARIABLE.sub("{}", route.template))
                if key in seen:
                    raise ContractError(f"{method.full_name}: {route.verb} {route.template} is taken")
                seen.add(key)
                yield route


def contract_services() -> list[ServiceDescriptor]:
    """Every service of every generated module under the namespace package `aljibe`, by name."""
    found: dict[str, ServiceDescriptor] = {}
    for folder in map(Path, aljibe.__path__):
        for stub in sorted(folder.rglob("*_pb2.py")):
            module = ".".join(("aljibe", *stub.relative_to(folder).with_suffix("").parts))
            file = importlib.import_module(module).DESCRIPTOR
            found.update({service.full_name: service for service in file.services_by_name.values()})
    # Messages of google.rpc ride in error details; importing them here registers their types.
    importlib.import_module("google.rpc.error_details_pb2")
    return [descriptor_pool.Default().FindServiceByName(name) for name in sorted(found)]


def _route(method: MethodDescriptor, rule: http_pb2.HttpRule) -> Route:
    kind = rule.WhichOneof("pattern")
    if kind is None or kind == "custom":
        raise ContractError(f"{method.full_name}: its http rule has no method that we know")
    template: str = getattr(rule, kind)
    variables = tuple(found.group(1) for found in _VARIABLE.finditer(template))
    for variable in variables:
        if "." not in variable and variable not in method.input_type.fields_by_name:
            raise ContractError(f"{method.full_name}: the request has no field {variable}")
    literal = _VARIABLE.sub("\0", template)
    if "{" in literal or "*" in literal:
        raise ContractError(f"{method.full_name}: the template {template} is not supported")
    owner = _PACKAGE.match(method.containing_service.file.package)
    fields = method.input_type.fields_by_name
    return Route(
        verb=kind.upper(),
        template=template,
        method=method,
        body=rule.body,
        pattern=re.compile("([^/:]+)".join(map(re.escape, literal.split("\0")))),
        variables=variables,
        request_class=message_factory.GetMessageClass(method.input_type),
        response_class=message_factory.GetMessageClass(method.output_type),
        grpc_path=f"/{method.containing_service.full_name}/{method.name}",
        owner=owner.group(1) if owner else "",
        takes_request_id="request_id" in fields,
        plain_variables=all(name in fields and _is_text(fields[name]) for name in variables),
    )


def _is_text(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _shape(path: str) -> tuple[int, str]:
    last = path.rpartition("/")[2]
    return path.count("/"), last.partition(":")[2]
