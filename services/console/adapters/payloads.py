"""An event's bytes as a person can read them."""

from __future__ import annotations

import importlib
from contextlib import suppress

from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

MOST_CHARACTERS = 20_000


def shown(kind: str, payload: bytes) -> str:
    """The payload as JSON by its type; as hexadecimal where the type is unknown or does not fit."""
    parts = kind.split(".")
    with suppress(ImportError, KeyError, DecodeError, ValueError):
        if parts[0] == "aljibe" and len(parts) == 4 and all(part.isidentifier() for part in parts):
            importlib.import_module(".".join([*parts[:-1], "events_pb2"]))
        made = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(kind)).FromString(payload)
        return json_format.MessageToJson(made, indent=2)[:MOST_CHARACTERS]
    return payload.hex(" ")[:MOST_CHARACTERS]
