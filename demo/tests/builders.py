"""Typed defaults, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from aljibe.orders.v1 import orders_pb2 as orders
from chassis.auth import development_keys
from demo.customers import Customers
from demo.data.baskets import Basket, Channel, Destination
from demo.data.places import Way
from demo.doors import SERVICES, Doors
from demo.facts import OrderFacts, PartFacts
from demo.journal import Journal
from demo.replay import Replay
from demo.settling import Audit
from demo.summary import Scene

T = TypeVar("T")
NOON = datetime(2017, 4, 3, 12, tzinfo=UTC)
HOME = Destination("1 Oak Street", "Miami", "FL", "33126", "US", 25.77, -80.29)


def basket(
    number: int = 1,
    *,
    channel: Channel = Channel.WEB,
    way: Way = Way.SHIP,
    lines: tuple[tuple[str, int], ...] = (("CJ1", 2), ("CJ2", 1)),
    at: datetime | None = None,
) -> Basket:
    return Basket(
        basket_id=number,
        household_id=7,
        store_location_id="store-1",
        at=at or NOON + timedelta(minutes=number),
        week=14,
        lines=lines,
        channel=channel,
        way=way,
        destination=HOME if way is Way.SHIP else None,
        coupon="",
        language="es",
    )


def part(
    location_id: str = "wh-east", *, method: str = "SHIP", attempt: int = 1, units: int = 1
) -> PartFacts:
    return PartFacts(location_id, method, attempt, lines=1, units=units)


def order(
    reference: str = "r-1",
    *,
    channel_id: str = "web",
    state: str = "COMPLETED",
    units: Mapping[tuple[str, str], int] | None = None,
    parts: tuple[PartFacts, ...] = (part(),),
    authorized: int = 1_000,
    captured: int = 1_000,
    refunded: int = 0,
    voided: int = 0,
) -> OrderFacts:
    return OrderFacts(
        order_id=f"ord_{reference}",
        reference=reference,
        channel_id=channel_id,
        state=state,
        lines=1,
        units={("SHIP", "SHIPPED"): 1} if units is None else units,
        parts=parts,
        total_minor=authorized,
        tax_minor=50,
        discount_minor=-200,
        authorized_minor=authorized,
        captured_minor=captured,
        refunded_minor=refunded,
        voided_minor=voided,
    )


def scene() -> Scene:
    return Scene(
        seed=1,
        scale=1.0,
        products=5_000,
        promotions=400,
        stores=2,
        warehouses=1,
        stock_units=1_000,
        baskets=3,
    )


def audit(differences: int = 0) -> Audit:
    return Audit(100, 50, differences, ("ON_HAND CJ1 store-1 : 1 expected, 2 found",) * differences, 12)


class ScriptedDoors(Doors):
    """Doors that nobody is behind: every placing is noted and answered from ``answers``, then accepted.

    An answer is an exception to raise, or None to accept.
    """

    def __init__(self, folder: Path, *answers: Exception | None) -> None:
        keys = development_keys(folder)
        nowhere = dict.fromkeys(SERVICES, "127.0.0.1:1")
        super().__init__("http://127.0.0.1:1", nowhere, keys.private_key_file)
        self.answers = list(answers)
        self.placed: list[dict[str, Any]] = []
        self.by_grpc: list[orders.PlaceOrderRequest] = []

    async def http(
        self, verb: str, path: str, token: str, content: object = None, *, language: str = "en"
    ) -> Any:
        assert isinstance(content, dict)
        self.placed.append(content)
        self._answer()
        plan = [{"locationId": "wh-east"}]
        return {"order": {"orderId": f"ord_{len(self.placed)}", "plan": plan}}

    async def rpc(
        self, method: object, request: object, token: str, *, language: str = "en", timeout: float = 1.0
    ) -> Any:
        assert isinstance(request, orders.PlaceOrderRequest)
        self.by_grpc.append(request)
        self._answer()
        return orders.PlaceOrderResponse(order=orders.Order(order_id="ord_till"))

    def _answer(self) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


def replay(doors: Doors, journal: Journal, nudges: list[str] | None = None, *, seed: int = 1) -> Replay:
    heard = nudges if nudges is not None else []
    customers = Customers(doors, journal, ["store-1", "store-2"])
    return Replay(doors, journal, customers, seed=seed, run="run", nudge=heard.append)
