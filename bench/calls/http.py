"""What a web shop asks of the gateway."""

from __future__ import annotations

from typing import Any

import orjson

from bench.calls.caller import BODIES, ORDER_ID_LENGTH, PAYMENT, Caller, Refused
from bench.calls.stock import AVAILABILITY_SKUS
from bench.shop import LAST_UNIT, Shop
from chassis.ids import new_id
from demo.http_door import Answer, HttpDoor

_OK = 200
_FAULT = 500
_TOO_MANY = 429


class HttpCaller(Caller):
    """Calls at the gateway."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._door = HttpDoor(shop.http)
        self._headers = {"authorization": f"Bearer {shop.channel_token}"}

    async def __aexit__(self, *exc_info: object) -> None:
        self._door.close()

    async def ask(self, verb: str, path: str, body: bytes = b"") -> bytes:
        """The answer's body. Raises Refused."""
        answer = await self._door.request(verb, path, self._headers, body)
        return self.checked(answer)

    @staticmethod
    def checked(answer: Answer) -> bytes:
        """The body of an answer that says yes."""
        if answer.status == _OK:
            return answer.body
        if answer.status >= _FAULT or answer.status == _TOO_MANY:
            raise OSError(f"HTTP {answer.status}")
        raise Refused(str(orjson.loads(answer.body).get("reason")))

    def order(self, skus: list[str]) -> dict[str, Any]:
        """A draft as a web shop writes it."""
        home = self.random.choice(self.shop.addresses)
        return {
            "channelId": "web",
            "customer": {"customerId": "cus-1", "languageCode": "en"},
            "lines": [{"sku": sku, "quantityUnits": 1, "method": "FULFILLMENT_METHOD_SHIP"} for sku in skus],
            "deliveryAddress": {
                "recipient": "Ana López",
                "streetLines": ["1 Main St"],
                "city": home["city"],
                "region": home["region"],
                "postalCode": home["postal_code"],
                "countryCode": "US",
                "point": {"latitude": home["latitude"], "longitude": home["longitude"]},
            },
        }

    def placed(self, answer: bytes) -> str:
        """Keep the order's id."""
        at = answer.find(b"ord_")
        order_id = answer[at : at + ORDER_ID_LENGTH].decode()
        self.accepted.append(order_id)
        return order_id


class PlaceHttp(HttpCaller):
    """POST /v1/orders."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._bodies = [
            orjson.dumps({"order": self.order(self.pair()), "payment": {"token": PAYMENT}})[1:]
            for _ in range(BODIES)
        ]

    async def once(self) -> int:
        """Place an order."""
        body = self._bodies[next(self._numbers) % BODIES]
        self.placed(
            await self.ask("POST", "/v1/orders", b'{"requestId":"%b",' % new_id("req").encode() + body)
        )
        return 1


class LastUnit(PlaceHttp):
    """Everybody wants the one unit there is."""

    def pair(self) -> list[str]:
        """The article ``target``."""
        return [LAST_UNIT + self.target]


class WebSequence(HttpCaller):
    """What a web shop does for a paid order."""

    async def once(self) -> int:
        """Availability, quote, preview with address, place with payment, read back."""
        skus = self.pair()
        await self.ask("POST", "/v1/availability", orjson.dumps({"channelId": "web", "skus": skus}))
        lines = [{"sku": sku, "quantityUnits": 1} for sku in skus]
        order = self.order(skus)
        region = {"taxCountryCode": "US", "taxRegion": order["deliveryAddress"]["region"]}
        await self.ask("POST", "/v1/quotes", orjson.dumps({"channelId": "web", "lines": lines, **region}))
        preview = orjson.loads(await self.ask("POST", "/v1/orders:preview", orjson.dumps({"order": order})))
        order["quoteToken"] = preview["quoteToken"]
        place = {"requestId": new_id("req"), "order": order, "payment": {"token": PAYMENT}}
        order_id = self.placed(await self.ask("POST", "/v1/orders", orjson.dumps(place)))
        await self.ask("GET", f"/v1/orders/{order_id}")
        return 1


class AvailabilityHttp(HttpCaller):
    """POST /v1/availability for 50 articles."""

    def __init__(self, shop: Shop, run: str, traced: float | None, target: str) -> None:
        super().__init__(shop, run, traced, target)
        self._bodies = [
            orjson.dumps({"channelId": "web", "skus": self.random.sample(self.shop.skus, AVAILABILITY_SKUS)})
            for _ in range(BODIES)
        ]

    async def once(self) -> int:
        """Ask."""
        await self.ask("POST", "/v1/availability", self._bodies[next(self._numbers) % BODIES])
        return 1
