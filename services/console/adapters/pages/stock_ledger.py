"""The ledger of an article: every movement, by location, kind, cause and time, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.inventory.v1 import inventory_pb2
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console
from services.console.adapters.pages.stock import READS_STOCK, named_movement
from services.console.adapters.session import Person

PAGE = 50
KINDS: Mapping[str, tuple[str, ...]] = {
    "sold": ("SALE", "SHIPMENT", "HAND_OVER"),
    "came": ("OPENING", "RECEIPT", "RETURN"),
    "corrected": ("COUNT", "ADJUSTMENT", "DAMAGE", "SHORT_PICK"),
    "moved": ("TRANSFER_OUT", "TRANSFER_IN"),
}
CAUSES = tuple(cause for causes in KINDS.values() for cause in causes)


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (console.page("/stock/{sku}/ledger", show, READS_STOCK),)


async def show(console: Console, request: Request, person: Person) -> Response:
    """A page of the ledger."""
    sku, query = request.path_params["sku"], request.query_params
    chosen = {
        "location": query.get("location", "")[:32],
        "kind": query.get("kind", "") if query.get("kind", "") in KINDS else "",
        "cause": query.get("cause", "") if query.get("cause", "") in CAUSES else "",
        "from": _day(query.get("from", "")),
        "until": _day(query.get("until", "")),
    }
    causes = (chosen["cause"],) if chosen["cause"] else KINDS.get(chosen["kind"], ())
    answer = await console.doors.stock.ListMovements(
        inventory_pb2.ListMovementsRequest(
            sku=sku,
            location_id=chosen["location"],
            causes=[inventory_pb2.MovementCause.Value(f"MOVEMENT_CAUSE_{cause}") for cause in causes],
            record_from=_instant(person, chosen["from"]),
            record_until=_instant(person, chosen["until"]),
            page_size=PAGE,
            page_token=query.get("page", "")[:500],
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    positions = await console.doors.stock.ListPositions(
        inventory_pb2.ListPositionsRequest(sku=sku), metadata=person.metadata, timeout=CALL_SECONDS
    )
    known = await floor.articles(console, person, [sku])
    facts: dict[str, Any] = {
        "sku": sku,
        "name": known[sku].name,
        "chosen": chosen,
        "address": urlencode({name: value for name, value in chosen.items() if value}),
        "places": sorted(one.location_id for one in positions.positions),
        "kinds": tuple(KINDS),
        "causes": CAUSES,
        "movements": [named_movement(one) for one in answer.movements],
        "next": answer.next_page_token,
        "paged": bool(query.get("page", "")),
    }
    return console.render(request, person, "stock/ledger.html", **facts)


def _day(text: str) -> str:
    """What a date and time field sends, when it is one."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).isoformat(timespec="minutes")
    except ValueError:
        return ""


def _instant(person: Person, text: str) -> Timestamp | None:
    """A local time of the person as an instant; None where there is none."""
    if not text:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=person.texts.zone).astimezone(UTC))
    return stamp
