"""Events on the wire: CloudEvents 1.0 in binary mode over NATS headers, protobuf payload.

Subject: `aljibe.<service>.v1.<event-in-kebab-case>.<key>`; the key is for people and filters, the truth about
    the aggregate stands in the headers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote

from google.protobuf.message import Message

from chassis.ids import new_id
from chassis.telemetry import current_traceparent

CONTENT_TYPE = "application/protobuf"
HEADER_MESSAGE_ID = "Nats-Msg-Id"
KEY_MAX_LENGTH = 128
_END = "\r\n"

_KEBAB = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_TOKEN = re.compile(r"[^0-9A-Za-z_=:@+-]")
_TOKEN = re.compile(rf"[0-9A-Za-z_=:@+-]{{1,{KEY_MAX_LENGTH}}}")
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%") + " "


class Poison(Exception):
    """A message that no later try can handle: undecodable, or without data it must have. It goes to the dead
    letters at once.
    """


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """A fact to be published. `sequence` counts 1, 2, 3 ... within the aggregate; `occurred_at` is timezone-
    aware.
    """

    id: str
    aggregate_type: str
    aggregate_id: str
    sequence: int
    type: str
    subject: str
    payload: bytes
    occurred_at: datetime
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as a handler gets it; `sequence` is 0 when the sender gave none, `deliveries` starts at 1."""

    id: str
    type: str
    source: str
    subject: str
    aggregate_type: str
    aggregate_id: str
    sequence: int
    time: datetime
    payload: bytes
    traceparent: str | None
    deliveries: int
    history: Mapping[str, int] | None = None
    """Of each kind of event the highest sequence that the aggregate told before; None when unknown."""

    @property
    def aggregate(self) -> tuple[str, str, str]:
        """What the sequence counts in."""
        return (self.source, self.aggregate_type, self.aggregate_id)


def event(
    service: str,
    message: Message,
    *,
    aggregate_type: str,
    aggregate_id: str,
    sequence: int,
    occurred_at: datetime,
    traceparent: str | None = None,
    key: str | None = None,
    event_id: str | None = None,
) -> OutboxEvent:
    """`message` as an event of `service`; `key` (default: the aggregate id) ends the subject,
    `traceparent` (default: that of the work being done) ties it to a trace.
    """
    return written_event(
        service,
        type(message),
        message.SerializeToString(),
        aggregate_type=aggregate_type,
        aggregate_id=aggregate_id,
        sequence=sequence,
        occurred_at=occurred_at,
        traceparent=traceparent,
        key=key,
        event_id=event_id,
    )


def written_event(
    service: str,
    kind: type[Message],
    payload: bytes,
    *,
    aggregate_type: str,
    aggregate_id: str,
    sequence: int,
    occurred_at: datetime,
    traceparent: str | None = None,
    key: str | None = None,
    event_id: str | None = None,
) -> OutboxEvent:
    """The same of a message of type `kind` that is in wire form already."""
    type_ = kind.DESCRIPTOR.full_name
    return OutboxEvent(
        event_id or new_id("evt"),
        aggregate_type,
        aggregate_id,
        sequence,
        type_,
        _head(service, type_) + _token(aggregate_id if key is None else key),
        payload,
        occurred_at,
        traceparent or current_traceparent(),
    )


@lru_cache(maxsize=1024)
def _head(service: str, type_: str) -> str:
    """The subject up to the key."""
    return f"aljibe.{service}.v1.{kebab(type_.rpartition('.')[2])}."


def subject(service: str, event_name: str, key: str) -> str:
    """`aljibe.orders.v1.order-accepted.ord_01h…` of `("orders", "OrderAccepted", "ord_01h…")`; letters that a
    subject token cannot hold become `_`.
    """
    return _head(service, event_name) + _token(key)


def _token(key: str) -> str:
    if _TOKEN.fullmatch(key):
        return key
    return _NOT_A_TOKEN.sub("_", key)[:KEY_MAX_LENGTH] or "_"


def kebab(name: str) -> str:
    """`order-accepted` of `OrderAccepted`."""
    return _KEBAB.sub("-", name).lower()


def source_of(service: str) -> str:
    """`/aljibe/orders` of `orders`."""
    return f"/aljibe/{service}"


def service_of(source: str) -> str:
    """`orders` of `/aljibe/orders`.

    Raises:
        Poison: no source of ours.
    """
    head, _, service = source.rpartition("/")
    if head != "/aljibe" or not service:
        raise Poison(f"unknown source {source!r}")
    return service


def headers(
    sent: OutboxEvent,
    source: str,
    publication: int = 0,
    history: str | None = None,
    traceparent: str | None = None,
) -> dict[str, str]:
    """The NATS headers of an event. A row that is sent again on purpose needs a Nats-Msg-Id that the broker
    has not seen; ce-id stays. `history` is what `chassis.history` says of the events before it,
    `traceparent` (default: the event's own) what the consumers' spans have for a parent.
    """
    traceparent = traceparent or sent.traceparent
    result = {
        HEADER_MESSAGE_ID: f"{sent.id}.{publication}" if publication else sent.id,
        "ce-specversion": "1.0",
        "ce-id": sent.id,
        "ce-type": sent.type,
        "ce-source": source,
        "ce-time": sent.occurred_at.isoformat(),
        "ce-subject": _escaped(sent.aggregate_id),
        "ce-aggregate": _escaped(sent.aggregate_type),
        "ce-sequence": str(sent.sequence),
        "content-type": CONTENT_TYPE,
    }
    if traceparent:
        result["traceparent"] = traceparent
    if history:
        result["ce-history"] = history
    return result


def header_block(values: Mapping[str, str]) -> bytes:
    """The headers as they travel; a line break in one becomes a space."""
    text = _END.join(map(": ".join, values.items()))
    if text.count("\n") >= len(values) or text.count("\r") >= len(values):
        clean = {name: " ".join(value.splitlines()) for name, value in values.items()}
        text = _END.join(map(": ".join, clean.items()))
    return f"NATS/1.0\r\n{text}\r\n\r\n".encode()


def header_values(block: bytes) -> dict[str, str]:
    """The headers of a message by name; lines that are none are left out."""
    values: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split(_END):
        name, colon, value = line.partition(":")
        if colon:
            values[name] = value.strip()
    return values


def parse(subject_: str, values: Mapping[str, str], payload: bytes, deliveries: int) -> Incoming:
    """The message behind NATS headers.

    Raises:
        Poison: a required header is missing or malformed.
    """
    try:
        sequence = int(values.get("ce-sequence", "0"))
        if sequence < 0:
            raise ValueError("negative sequence")
        time = datetime.fromisoformat(values["ce-time"])
        if time.tzinfo is None:
            raise ValueError("time without zone")
        return Incoming(
            values["ce-id"],
            values["ce-type"],
            values["ce-source"],
            subject_,
            _plain(values.get("ce-aggregate", "")),
            _plain(values.get("ce-subject", "")),
            sequence,
            time,
            payload,
            values.get("traceparent"),
            deliveries,
            _history(values.get("ce-history")),
        )
    except KeyError as error:
        raise Poison(f"header {error} is missing") from error
    except ValueError as error:
        raise Poison(f"malformed headers: {error}") from error


def _history(text: str | None) -> dict[str, int] | None:
    if text is None:
        return None
    try:
        return {kind: int(last) for kind, _, last in (part.partition("=") for part in text.split(","))}
    except ValueError:
        # Of another release, perhaps; whoever needs it asks instead.
        return None


def _plain(value: str) -> str:
    return unquote(value) if "%" in value else value


def _escaped(value: str) -> str:
    # NATS headers are ASCII lines; most values are, and pay only for the check.
    if value.isascii() and value.isprintable() and "%" not in value and value == value.strip():
        return value
    return quote(value, safe=_SAFE.strip())
