from __future__ import annotations

import json

from aljibe.orders.v1 import events_pb2
from services.console.adapters.payloads import shown


def test_a_known_event_is_shown_by_its_fields() -> None:
    held = events_pb2.OrderHeld(order_id="ord_1", reason="fraud check")

    told = shown("aljibe.orders.v1.OrderHeld", held.SerializeToString())

    assert json.loads(told) == {"orderId": "ord_1", "reason": "fraud check"}


def test_what_does_not_fit_is_shown_as_it_came() -> None:
    """Also a name that is no type, or would lead elsewhere."""
    told = [shown(kind, b"\xff\x01") for kind in ("aljibe.orders.v1.OrderHeld", "", "os.path", "aljibe...x")]

    assert told == ["ff 01"] * 4
