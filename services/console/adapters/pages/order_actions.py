"""What a person does to an order: cancel, answer for the customer, hold, lift the hold, source again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from aljibe.common.v1 import types_pb2
from aljibe.orders.v1 import orders_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console, Form, form_of
from services.console.adapters.session import Person

MAX_REASON_LENGTH = 200
_UNITS = "units-"
_MAX_DIGITS = 5


class OrderActions:
    """Handlers of an order's forms; each is one call with the person's own token."""

    async def cancel(self, console: Console, request: Request, person: Person) -> Response:
        """The whole order, or units of lines that are not picked yet."""
        form = form_of(request)
        whole = form.get("what") == "whole"
        lines = [] if whole else _lines(form)
        if not whole and not lines:
            return console.refused(
                request, person, person.texts("orders.cancel_nothing"), back=_back(request)
            )
        await console.doors.orders.CancelOrder(
            orders_pb2.CancelOrderRequest(
                request_id=form.get("request_id", ""),
                order_id=_order_id(request),
                lines=lines,
                reason=_reason(form),
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        if whole:
            return console.done(request, person, "orders.cancelled", back=_back(request))
        count = person.texts.count("orders.unit_count", sum(line.quantity_units for line in lines))
        return console.done(request, person, "orders.cancelled_units", back=_back(request), count=count)

    async def choose(self, console: Console, request: Request, person: Person) -> Response:
        """What the customer wants of units that their store could not give."""
        form = form_of(request)
        wanted = orders_pb2.ResolveShortageRequest(
            request_id=form.get("request_id", ""), order_id=_order_id(request)
        )
        choice = form.get("choice", "")
        if choice == "cancel":
            wanted.cancel = True
        elif choice == "store":
            wanted.pickup_location_id = form.get("store", "")
        else:
            address = _address(form)
            if address is None:
                sentence = person.texts("orders.address_incomplete")
                return console.refused(request, person, sentence, back=_back(request))
            wanted.ship_to.CopyFrom(address)
        await console.doors.orders.ResolveShortage(wanted, metadata=person.metadata, timeout=CALL_SECONDS)
        return console.done(request, person, "orders.chosen", back=_back(request))

    async def hold(self, console: Console, request: Request, person: Person) -> Response:
        """Nobody works on it until the hold is lifted."""
        form = form_of(request)
        await console.doors.orders.HoldOrder(
            orders_pb2.HoldOrderRequest(
                request_id=form.get("request_id", ""), order_id=_order_id(request), reason=_reason(form)
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return console.done(request, person, "orders.hold_done", back=_back(request))

    async def lift(self, console: Console, request: Request, person: Person) -> Response:
        """Work goes on."""
        form = form_of(request)
        await console.doors.orders.LiftHold(
            orders_pb2.LiftHoldRequest(
                request_id=form.get("request_id", ""), order_id=_order_id(request), reason=_reason(form)
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return console.done(request, person, "orders.lift_done", back=_back(request))

    async def source_again(self, console: Console, request: Request, person: Person) -> Response:
        """Another place serves what one place has not picked."""
        form = form_of(request)
        excluded = [one for one in form.get("excluded", "").replace(",", " ").split() if one]
        await console.doors.orders.SourceAgain(
            orders_pb2.SourceAgainRequest(
                request_id=form.get("request_id", ""),
                order_id=_order_id(request),
                fulfillment_order_id=form.get("work", ""),
                excluded_location_ids=excluded,
                reason=_reason(form),
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return console.done(request, person, "orders.source_again_done", back=_back(request))


def _order_id(request: Request) -> str:
    found: str = request.path_params["order_id"]
    return found


def _back(request: Request) -> str:
    return f"/orders/{_order_id(request)}"


def _reason(form: Form) -> str:
    return form.get("reason", "").strip()[:MAX_REASON_LENGTH]


def _lines(form: Form) -> list[orders_pb2.LineUnits]:
    """Units to cancel by line; fields left empty or at 0 are no wish."""
    found = []
    for name, text in form.items():
        number = name.removeprefix(_UNITS)
        if not name.startswith(_UNITS) or not _whole(number) or not _whole(text.strip()):
            continue
        if units := int(text):
            found.append(orders_pb2.LineUnits(line_number=int(number), quantity_units=units))
    return found


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _MAX_DIGITS


def _address(form: Form) -> types_pb2.Address | None:
    """The address that was typed; None when it has no country or no coordinates, which sourcing needs."""
    try:
        latitude, longitude = float(form.get("latitude", "")), float(form.get("longitude", ""))
    except ValueError:
        return None
    country = form.get("country", "").strip().upper()
    if not country:
        return None
    street = form.get("street", "").strip()
    return types_pb2.Address(
        recipient=form.get("recipient", "").strip(),
        street_lines=[street] if street else [],
        city=form.get("city", "").strip(),
        region=form.get("region", "").strip(),
        postal_code=form.get("postal_code", "").strip(),
        country_code=country,
        point=types_pb2.GeoPoint(latitude=latitude, longitude=longitude),
    )
