"""The page Stock: find an article, and its pool across all locations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from aljibe.catalog.v1 import catalog_pb2
from aljibe.inventory.v1 import (
    availability_pb2,
    backorders_pb2,
    controls_pb2,
    inventory_pb2,
    supply_pb2,
    transfers_pb2,
)
from chassis.auth import ALL
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.growing import Parts
from services.console.adapters.menu import AUDITOR, OPERATOR, PLANNER, roles_of
from services.console.adapters.page import Console, form_of
from services.console.adapters.session import Person
from services.console.domain.positions import Place, bars, pool

ROLES = roles_of("stock")
READS_STOCK = ("associate", OPERATOR, PLANNER, AUDITOR)
"""Merchandisers see articles; what there is of them is not theirs by the contract."""
MAY_ADJUST = (OPERATOR, PLANNER)
MAY_AUDIT = (OPERATOR, PLANNER, AUDITOR)
CAUSES = ("ADJUSTMENT", "DAMAGE")
MAX_POSITIONS = 1000
MAX_CHANNELS = 20
MAX_SHOWN = 50
LAST_MOVEMENTS = 8
LIVE = ("pool", "explain", "claims", "movements", "coming")


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        console.page("/stock", search, ROLES),
        console.page("/stock/audit", audit, MAY_AUDIT),
        console.page("/stock/{sku}", show, ROLES),
        console.live("/stock/{sku}/live", regions, READS_STOCK),
        console.action("/stock/{sku}/adjust", adjust, MAY_ADJUST),
    )


async def search(console: Console, request: Request, person: Person) -> Response:
    """Articles by SKU, barcode or words; one that is named exactly is shown at once."""
    text, token = request.query_params.get("q", "").strip()[:100], request.query_params.get("page", "")[:500]
    found: Sequence[catalog_pb2.Product] = []
    more = ""
    if text:
        answer = await console.doors.catalog.SearchProducts(
            catalog_pb2.SearchProductsRequest(text=text, page_token=token),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        found, more = answer.products, answer.next_page_token
        exact = [
            variant.sku
            for product in found
            for variant in product.variants
            if text == variant.sku or (text.isdigit() and text in variant.barcodes)
        ]
        if len(exact) == 1:
            return RedirectResponse(f"/stock/{exact[0]}", 303)
    rows = [
        (
            variant.sku,
            floor.named(product.name.en, product.name.es, person.language),
            product.brand,
            list(product.category_path),
        )
        for product in found
        for variant in product.variants
    ]
    return console.render(
        request,
        person,
        "stock/search.html",
        q=text,
        rows=rows,
        next=more,
        may_audit=person.has_role(*MAY_AUDIT),
    )


async def show(console: Console, request: Request, person: Person) -> Response:
    """One article: its pool, why so much can be promised, who keeps it, what moved, what comes. Whether there
    is such an article decides at once; what inventory knows comes when it has answered.
    """
    sku, channel = request.path_params["sku"], request.query_params.get("channel", "")[:32]
    described = await console.doors.catalog.GetVariants(
        catalog_pb2.GetVariantsRequest(skus=[sku]), metadata=person.metadata, timeout=CALL_SECONDS
    )
    found = described.variants[0] if described.variants else None
    reads = person.has_role(*READS_STOCK)
    if found is None and not (reads and await _positions(console, person, sku)):
        return console.problem(request, person, 404, "stock.unknown")
    return console.render(
        request,
        person,
        "stock/article.html",
        sku=sku,
        found=found,
        name=floor.named(found.name.en, found.name.es, person.language) if found else sku,
        reads=reads,
        may_audit=person.has_role(*MAY_AUDIT),
        live=f"/stock/{sku}/live?channel={channel}" if reads else "",
        parts=_parts(console, person, sku, channel) if reads else None,
    )


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    sku, channel = request.path_params["sku"], request.query_params.get("channel", "")[:32]

    async def fetch() -> Mapping[str, str]:
        return _shown(console, person, await _facts(console, person, sku, channel))

    async for news in console.hub.watch(("stock", person.scope, sku, channel), fetch):
        yield news


async def _parts(console: Console, person: Person, sku: str, channel: str) -> Parts:
    """What is live, the form that corrects, and whether counters follow from the ledger."""
    audited = asyncio.create_task(_drift(console, person, sku))
    try:
        facts = await _facts(console, person, sku, channel)
        adjust = console.fragment(
            person, "stock/adjust.html", may_adjust=person.has_role(*MAY_ADJUST), causes=CAUSES, **facts
        )
        yield {**_shown(console, person, facts), "adjust": adjust}
        yield {"drift": await audited}
    finally:
        audited.cancel()


def _shown(console: Console, person: Person, facts: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: console.fragment(person, f"stock/{name}.html", **facts) for name in LIVE}


async def _drift(console: Console, person: Person, sku: str) -> str:
    """Empty for whom it is not."""
    if not person.has_role(*MAY_AUDIT):
        return ""
    answer = await console.doors.stock.AuditStock(
        inventory_pb2.AuditStockRequest(skus=[sku]), metadata=person.metadata, timeout=CALL_SECONDS
    )
    return console.fragment(person, "stock/drift.html", audit=answer)


async def _positions(console: Console, person: Person, sku: str) -> Sequence[inventory_pb2.Position]:
    answer = await console.doors.stock.ListPositions(
        inventory_pb2.ListPositionsRequest(sku=sku, page_size=MAX_POSITIONS),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return answer.positions


async def _facts(console: Console, person: Person, sku: str, channel: str) -> dict[str, Any]:
    doors = console.doors
    call: dict[str, Any] = {"metadata": person.metadata, "timeout": CALL_SECONDS}
    (
        (positions, names, explained),
        (claims, waiting, movements, controls, supplies, transit),
    ) = await asyncio.gather(
        asyncio.gather(
            _positions(console, person, sku), _names(console, person), _explained(console, person, sku)
        ),
        asyncio.gather(
            doors.availability.ListClaims(
                availability_pb2.ListClaimsRequest(sku=sku, page_size=MAX_SHOWN), **call
            ),
            doors.backorders.ListBackorders(
                backorders_pb2.ListBackordersRequest(sku=sku, page_size=MAX_SHOWN), **call
            ),
            doors.stock.ListMovements(
                inventory_pb2.ListMovementsRequest(sku=sku, page_size=LAST_MOVEMENTS), **call
            ),
            doors.controls.ListChannelControls(
                controls_pb2.ListChannelControlsRequest(sku=sku, page_size=MAX_SHOWN), **call
            ),
            doors.supply.ListSupply(supply_pb2.ListSupplyRequest(sku=sku, page_size=MAX_SHOWN), **call),
            doors.transfers.ListInTransit(transfers_pb2.ListInTransitRequest(skus=[sku]), **call),
        ),
    )
    places = [
        Place(
            one.location_id,
            names.get(one.location_id, one.location_id),
            one.on_hand_units,
            one.reserved_units,
            one.safety_units,
            one.available_units,
        )
        for one in positions
    ]
    chosen = next(
        (one for one in explained if one.channel_id == channel), explained[0] if explained else None
    )
    return {
        "sku": sku,
        "bars": bars(places),
        "pool": pool(places),
        "names": names,
        "claims": claims.claims,
        "more_claims": bool(claims.next_page_token),
        "held": sum(one.live_units for one in claims.claims if not one.location_id),
        "movements": [named_movement(one) for one in movements.movements],
        "controls": controls.controls,
        "supplies": [
            (one, line)
            for one in supplies.supplies
            for line in one.lines
            if line.sku == sku and line.open_units
        ],
        "waiting": waiting.backorders,
        "transit": transit.in_transit,
        "explained": [(one, terms_of(one.terms)) for one in explained],
        "explained_kinds": _kinds(term for one in explained for term in one.terms),
        "channel": chosen.channel_id if chosen else "",
        "by_location": [(one, terms_of(one.terms)) for one in chosen.locations] if chosen else [],
        "location_kinds": _kinds(term for one in chosen.locations for term in one.terms) if chosen else [],
    }


async def _names(console: Console, person: Person) -> dict[str, str]:
    answer = await console.doors.locations.ListLocations(
        inventory_pb2.ListLocationsRequest(page_size=500), metadata=person.metadata, timeout=CALL_SECONDS
    )
    return {one.location_id: one.name for one in answer.locations}


async def _explained(
    console: Console, person: Person, sku: str
) -> Sequence[availability_pb2.ExplainAvailabilityResponse]:
    """What each channel of the person can be promised, with every term."""
    if not person.channels:
        return []
    listed = await console.doors.catalog.ListChannels(
        catalog_pb2.ListChannelsRequest(page_size=MAX_CHANNELS),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    own = [
        one.channel_id
        for one in listed.channels
        if ALL in person.channels or one.channel_id in person.channels
    ]

    async def one(channel_id: str) -> availability_pb2.ExplainAvailabilityResponse:
        asked = availability_pb2.ExplainAvailabilityRequest(channel_id=channel_id, sku=sku)
        return await console.doors.availability.ExplainAvailability(
            asked, metadata=person.metadata, timeout=CALL_SECONDS
        )

    return await asyncio.gather(*(one(channel_id) for channel_id in own))


def terms_of(terms: Any) -> dict[str, int]:
    """Units by the name of the term."""
    return {_term_name(one.kind): one.units for one in terms}


def _kinds(terms: Any) -> list[str]:
    """The names of the terms that there are, in the order of the formula."""
    return [_term_name(kind) for kind in sorted({one.kind for one in terms})]


def _term_name(kind: int) -> str:
    name = availability_pb2.AvailabilityTermKind.Name(availability_pb2.AvailabilityTermKind.ValueType(kind))
    return name.removeprefix("AVAILABILITY_TERM_KIND_")


def named_movement(found: inventory_pb2.Movement) -> tuple[inventory_pb2.Movement, str]:
    """A movement with the name of its cause."""
    return found, inventory_pb2.MovementCause.Name(found.cause).removeprefix("MOVEMENT_CAUSE_")


async def adjust(console: Console, request: Request, person: Person) -> Response:
    """Correct a position by a difference, with the reason."""
    form, sku = form_of(request), request.path_params["sku"]
    text = form.get("difference", "").strip().replace("−", "-").removeprefix("+")
    cause = form.get("cause", "")
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or not int(text):
        return console.refused(request, person, person.texts("stock.adjust_figure"))
    note = form.get("note", "").strip()[:200]
    if cause not in CAUSES or not note:
        return console.refused(request, person, person.texts("stock.adjust_why"))
    answer = await console.doors.stock.AdjustStock(
        inventory_pb2.AdjustStockRequest(
            request_id=form["request_id"],
            location_id=form.get("location", "")[:32],
            sku=sku,
            difference_units=max(-1_000_000, min(1_000_000, int(text))),
            cause=inventory_pb2.MovementCause.Value(f"MOVEMENT_CAUSE_{cause}"),
            note=note,
        ),
        metadata=person.metadata,
        timeout=CALL_SECONDS,
    )
    return console.done(request, person, "stock.adjusted", units=answer.position.on_hand_units)


async def audit(console: Console, request: Request, person: Person) -> Response:
    """Every counter rebuilt from the ledger, now."""
    answer = await console.doors.stock.AuditStock(
        inventory_pb2.AuditStockRequest(), metadata=person.metadata, timeout=120.0
    )
    return console.render(request, person, "stock/audit.html", audit=answer)
