"""Places the baskets, in time order and several at a time, each through its channel's own door."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import uuid_utils
from google.protobuf import json_format

from aljibe.orders.v1 import orders_pb2 as orders
from demo import wire
from demo.customers import Customers
from demo.data.baskets import Basket, Channel
from demo.decisions import choices
from demo.doors import Away, Doors, Refused
from demo.journal import Journal, Shopper

IN_FLIGHT = 32
MAX_UNANSWERED = 10
"""So many customers gone without any answer end the run: each has asked again for most of a minute."""
INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
PAYMENT_DECLINED = "PAYMENT_DECLINED"
OTHER_CARD = "tok_ok"
EXPECTED_REFUSALS = frozenset({INSUFFICIENT_STOCK, PAYMENT_DECLINED, "NO_PLAN"})


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a channel needs of the answer."""

    order_id: str
    location_ids: tuple[str, ...]


class Replay:
    """``nudge`` hears of each location that has new work."""

    def __init__(
        self,
        doors: Doors,
        journal: Journal,
        customers: Customers,
        *,
        seed: int,
        run: str,
        nudge: Callable[[str], None],
    ) -> None:
        self._doors = doors
        self._journal = journal
        self._customers = customers
        self._seed = seed
        self._run = run
        self._nudge = nudge

    async def run(self, baskets: Sequence[Basket], speed: float, advance: Callable[[int], None]) -> None:
        """Return when every basket is an order or refused."""
        waiting = iter(baskets)
        began = time.monotonic()
        first = baskets[0].at if baskets else None
        self._journal.begin()

        async def place_one_after_another() -> None:
            for basket in waiting:
                if speed and first is not None:
                    due = began + (basket.at - first).total_seconds() / speed
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._serve(basket)
                advance(1)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(IN_FLIGHT, len(baskets))):
                group.create_task(place_one_after_another())
        self._journal.end()

    async def _serve(self, basket: Basket) -> None:
        """One customer: orders, and adapts once when something is short or the card is declined."""
        shopper = Shopper(basket, choices(self._seed, basket), f"{self._run}-{basket.basket_id}")
        self._journal.shoppers[shopper.reference] = shopper
        card, adapted = shopper.choices.card, False
        wanted = basket
        while True:
            try:
                accepted = await self._place(wanted, shopper.reference, card)
            except Refused as refusal:
                if refusal.reason == PAYMENT_DECLINED and shopper.choices.second_card and card != OTHER_CARD:
                    card = OTHER_CARD
                    self._journal.happened["second_card"] += 1
                    continue
                less = None if adapted else without_short(wanted, refusal)
                if less is None:
                    self._refused(basket.channel, refusal)
                    return
                wanted, adapted = less, True
                continue
            except Away:
                self._journal.faults["NO_ANSWER"] += 1
                if self._journal.faults["NO_ANSWER"] >= MAX_UNANSWERED:
                    raise
                return
            break
        if adapted:
            self._journal.happened["adapted"] += 1
        shopper.order_id = accepted.order_id
        shopper.basket = wanted
        self._journal.accepted[basket.channel] += 1
        if basket.channel is not Channel.TILL:
            for location_id in accepted.location_ids:
                self._nudge(location_id)
        await self._customers.ordered(shopper)

    def _refused(self, channel: Channel, refusal: Refused) -> None:
        self._journal.refused[channel, refusal.reason] += 1
        if refusal.reason not in EXPECTED_REFUSALS:
            self._journal.faults[refusal.reason] += 1

    async def _place(self, basket: Basket, reference: str, card: str) -> Accepted:
        request = orders.PlaceOrderRequest(
            request_id=f"{reference}-{uuid_utils.uuid7()}",
            order=wire.draft(basket, reference),
            payment=orders.PaymentInput(token=card),
        )
        tokens, language = self._doors.tokens, basket.language
        channel_id = wire.CHANNEL_ID[basket.channel]
        if basket.channel is Channel.TILL:
            token = tokens.till(basket.store_location_id)
            began = time.monotonic()
            answer = await self._doors.rpc(self._doors.orders.PlaceOrder, request, token, language=language)
            accepted = Accepted(answer.order.order_id, ())
        else:
            content = json_format.MessageToDict(request)
            began = time.monotonic()
            document = await self._doors.http(
                "POST", "/v1/orders", tokens.channel(channel_id), content, language=language
            )
            accepted = accepted_of(document)
        self._journal.latencies[basket.channel].append(time.monotonic() - began)
        return accepted


def accepted_of(document: Any) -> Accepted:
    """The order in the gateway's answer."""
    order = document["order"]
    return Accepted(order["orderId"], tuple(part["locationId"] for part in order.get("plan", ())))


def without_short(basket: Basket, refusal: Refused) -> Basket | None:
    """The basket with only as much as there is, as the refusal's figures say; None when nothing would be left
    or the refusal is about something else.
    """
    if refusal.reason != INSUFFICIENT_STOCK:
        return None
    available = {
        str(short["sku"]): int(short["available_units"])
        for short in _shortages(refusal.facts.get("shortages"))
    }
    lines = tuple((sku, min(units, max(0, available.get(sku, units)))) for sku, units in basket.lines)
    left = tuple((sku, units) for sku, units in lines if units > 0)
    if not left or left == basket.lines:
        return None
    return replace(basket, lines=left)


def _shortages(text: str | None) -> Iterable[dict[str, Any]]:
    """The refusal's list; none when it was too long to be whole."""
    try:
        return list(json.loads(text or "[]"))
    except json.JSONDecodeError:
        return ()
