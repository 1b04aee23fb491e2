"""Calls made up from the contract: well-shaped requests of random values, which learn from every answer.

A value that an answer had in a field (an order's id, a SKU, a revision) is what requests have in fields of
that name, so that calls reach what others made.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import aljibe.catalog.v1
import aljibe.fulfillment.v1
import aljibe.inventory.v1
import aljibe.orders.v1
from aljibe.common.v1 import options_pb2
from chassis.ids import new_id
from tests.integration.words import Metadata

CALL_SECONDS = 15.0
STREAM_SECONDS = 0.5
STREAM_ANSWERS = 3
MOST_LEARNED = 200
MOST_DEPTH = 5
ELEMENTS = (1, 1, 2, 5)

FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""What no request may be answered with while every service runs."""

_SERVICES = {
    "catalog": aljibe.catalog.v1,
    "inventory": aljibe.inventory.v1,
    "orders": aljibe.orders.v1,
    "fulfillment": aljibe.fulfillment.v1,
}
_WRITES_FOR_ALL = re.compile("Upsert|Activate|RollBack|Assortment|Discontinue")
"""Of these only one in ten is made: they take away what the others need."""
_OFTEN = {"PlaceOrder": 6, "ReceiveStock": 3, "PreviewOrder": 2, "ReceiveReturn": 2}
_ODD = ("", " ", "x", "ñandú 🐢", "a" * 300, "'; DROP TABLE x; --", "%s%n", "\u202e", "-1", "a\nb", "\x01")
_TOKENS = ("tok_ok", "tok_ok", "tok_ok", "tok_declined", "tok_nobody_knows")
_POINTS = ((41.88, -87.63), (29.76, -95.37), (90.0, 180.0), (0.0, 0.0))
_DAYS = (0, 0, 1, 3, 30, -3, -400)


class RandomCaller:
    """Calls every method of the four services that keep the pool and its orders, client streams apart."""

    def __init__(self, channels: dict[str, grpc.aio.Channel], auth: Metadata, seed: int) -> None:
        self._channels = channels
        self._auth = (*auth, ("accept-language", "es"))
        self._random = random.Random(seed)
        self._known: dict[tuple[str, type], dict[Any, None]] = defaultdict(dict)
        self._methods = [
            (service, method)
            for service in _SERVICES
            for method in _methods_of(service)
            if self._can_call(method)
        ]
        self._weights = [_weight(method) for _, method in self._methods]
        self.answers: Counter[tuple[str, str]] = Counter()
        """Calls by method and code."""
        self.faults: list[str] = []
        """Calls that were answered as if the service were at fault."""

    async def call_for(self, seconds: float) -> None:
        """One call after another; several may do so side by side."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            service, method = self._random.choices(self._methods, self._weights)[0]
            await self._call(service, method)

    def learn(self, **values: str) -> None:
        """Have requests name these."""
        for name, value in values.items():
            self._keep(name, value)

    def _can_call(self, method: MethodDescriptor) -> bool:
        return True

    async def _call(self, service: str, method: MethodDescriptor) -> None:
        request = self._filled(GetMessageClass(method.input_type)())
        path = f"/{method.containing_service.full_name}/{method.name}"
        read = GetMessageClass(method.output_type).FromString
        channel = self._channels[service]
        code = grpc.StatusCode.OK
        try:
            if method.server_streaming:
                await self._listen(channel.unary_stream(path, _written, read), request)
            else:
                ask = channel.unary_unary(path, _written, read)
                self._learn(await ask(request, metadata=self._auth, timeout=CALL_SECONDS))
        except grpc.aio.AioRpcError as error:
            code = error.code()
            late = code is grpc.StatusCode.DEADLINE_EXCEEDED and not method.server_streaming
            if code in FAULTS or late:
                asked = text_format.MessageToString(request, as_one_line=True)
                self.faults.append(f"{path}: {code.name} {error.details()}: {asked[:1500]}")
        self.answers[method.name, code.name] += 1

    async def _listen(self, ask: Any, request: Message) -> None:
        call = ask(request, metadata=self._auth, timeout=STREAM_SECONDS)
        heard = 0
        async for answer in call:
            self._learn(answer)
            heard += 1
            if heard == STREAM_ANSWERS:
                call.cancel()
                return

    def _learn(self, message: Message) -> None:
        for field, value in message.ListFields():
            for one in list(value)[:20] if field.is_repeated else (value,):
                if isinstance(one, Message):
                    self._learn(one)
                elif isinstance(one, str | int) and not isinstance(one, bool):
                    self._keep(field.name, one)

    def _keep(self, name: str, value: str | int) -> None:
        if isinstance(value, int) and not name.endswith(("version", "revision", "line_number")):
            return
        # A version is a number here and a text there.
        known = self._known[_key(name), type(value)]
        known[value] = None
        if len(known) > MOST_LEARNED:
            del known[next(iter(known))]

    def _filled(self, message: Any, depth: int = 0) -> Any:
        kind: Descriptor = message.DESCRIPTOR
        if kind.full_name == "google.protobuf.Timestamp":
            message.seconds = int(time.time()) + 86_400 * self._random.choice(_DAYS)
            return message
        if kind.full_name == "google.protobuf.Duration":
            message.seconds = self._random.choice((0, 1, 3_600))
            return message
        if kind.full_name == "aljibe.common.v1.GeoPoint":
            message.latitude, message.longitude = self._random.choice(_POINTS)
            return message
        members = {one.full_name: self._random.choice(one.fields) for one in _choices(kind)}
        for field in kind.fields:
            chosen = members.get(field.containing_oneof.full_name) if field.containing_oneof else None
            if chosen is not None and chosen is not field:
                continue
            if chosen is None and not self._wanted(field, depth):
                continue
            self._set(message, field, depth)
        return message

    def _wanted(self, field: FieldDescriptor, depth: int) -> bool:
        rules = _rules(field)
        if rules.required or rules.min_items or rules.gte >= 1:
            return self._random.random() > 0.005
        return depth < MOST_DEPTH and self._random.random() < 0.5

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return
        if field.is_repeated:
            rules = _rules(field)
            most = rules.max_items or max(ELEMENTS)
            for _ in range(min(most, max(rules.min_items, self._random.choice(ELEMENTS)))):
                if field.message_type is not None:
                    self._filled(getattr(message, field.name).add(), depth + 1)
                else:
                    getattr(message, field.name).append(self._scalar(field))
        elif field.message_type is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self._filled(inner, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:
        rules = _rules(field)
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING:
                found = self._text(field.name, rules)
                return found.encode() if field.type == FieldDescriptor.TYPE_BYTES else found
            case FieldDescriptor.CPPTYPE_BOOL:
                return self._random.random() < 0.5
            case FieldDescriptor.CPPTYPE_ENUM:
                assert field.enum_type is not None
                return self._random.choice(field.enum_type.values).number
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return self._random.uniform(rules.gte_double, rules.lte_double or 100.0)
        return self._number(field.name, rules)

    def _text(self, name: str, rules: Any) -> str:
        if self._random.random() < 0.004:
            return self._random.choice(_ODD)
        if name == "request_id":
            return new_id("req")
        if name == "token":
            return self._random.choice(_TOKENS)
        if rules.in_strings:
            return str(self._random.choice(rules.in_strings))
        known = list(self._known[_key(name), str])
        if known and self._random.random() < 0.9:
            return str(self._random.choice(known))
        if rules.id_prefix:
            return new_id(rules.id_prefix)
        if rules.country:
            return "US"
        return "USD" if rules.currency else f"word-{self._random.randint(1, 9)}"

    def _number(self, name: str, rules: Any) -> int:
        known = list(self._known[_key(name), int])
        if known and self._random.random() < 0.8:
            return int(self._random.choice(known))
        if rules.in_values:
            return int(self._random.choice(rules.in_values))
        least, most = rules.gte, rules.lte if rules.HasField("lte") else 10_000
        if self._random.random() < 0.05:
            return int(self._random.choice((least, most)))
        return int(min(most, least + self._random.randint(0, 4)))


def _methods_of(service: str) -> Iterator[MethodDescriptor]:
    package = _SERVICES[service]
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith("_pb2"):
            file = importlib.import_module(f"{package.__name__}.{module.name}").DESCRIPTOR
            for found in file.services_by_name.values():
                yield from (method for method in found.methods if not method.client_streaming)


def _weight(method: MethodDescriptor) -> float:
    return 0.1 if _WRITES_FOR_ALL.search(method.name) else _OFTEN.get(method.name, 1)


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[options_pb2.rules]


def _choices(kind: Descriptor) -> list[OneofDescriptor]:
    """Those that were written as such: an `optional` field is a choice of one."""
    return [one for one in kind.oneofs if len(one.fields) > 1]


def _key(name: str) -> str:
    """Fields that name the same: `from_location_id` and `location_ids` are locations."""
    plain = re.sub("^(from|to|pickup|excluded|holding|source|destination)_", "", name)
    return plain[:-1] if plain.endswith(("_ids", "skus")) else plain


def _written(message: Message) -> bytes:
    return message.SerializeToString()
