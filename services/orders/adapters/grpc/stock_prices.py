"""StockPriceService: the price book, read for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc

from aljibe.orders.v1 import stock_prices_pb2 as pb
from aljibe.orders.v1 import stock_prices_pb2_grpc
from services.orders.domain.price_book import PriceBook

Context = grpc.aio.ServicerContext[Any, Any]


class StockPriceServicer(stock_prices_pb2_grpc.StockPriceServiceServicer):
    """See the contract. `book` gives the prices in force, `figures` an article's units by location."""

    def __init__(
        self, book: Callable[[], PriceBook], figures: Callable[[str], Iterable[tuple[str, int]]]
    ) -> None:
        self._book = book
        self._figures = figures

    async def GetStockPrices(  # noqa: N802
        self, request: pb.GetStockPricesRequest, context: Context
    ) -> pb.GetStockPricesResponse:
        """The prices of an article, and their terms."""
        book = self._book()
        answer = pb.GetStockPricesResponse(
            version=book.version, horizon_days=book.horizon_days, currency_code=book.currency_code
        )
        if book.made_at is None:
            answer.horizon_days = 0.0
            return answer
        answer.make_time.FromDatetime(book.made_at)
        there = dict(self._figures(request.sku))
        for location_id in book.location_ids:
            if request.location_id and location_id != request.location_id:
                continue
            units = max(0, there.get(location_id, 0))
            terms = book.terms(request.sku, location_id, units)
            if terms is None:
                break
            answer.prices.append(
                pb.StockPrice(
                    location_id=location_id,
                    available_units=units,
                    price_thousandths=terms.price,
                    walk_in_thousandths=terms.own,
                    units_per_day=terms.per_day,
                    margin_thousandths=terms.margin,
                    priced_units=terms.units_then,
                )
            )
        return answer
