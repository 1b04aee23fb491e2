"""Orders at the gRPC door."""

from __future__ import annotations

from aljibe.orders.v1 import orders_pb2
from bench.calls.caller import ORDER_ID_LENGTH, PAYMENT, GrpcCaller

HOT_SKUS = 1


class PlaceGrpc(GrpcCaller):
    """PlaceOrder."""

    service = "orders"
    method = "/aljibe.orders.v1.OrderService/PlaceOrder"

    def body(self) -> bytes:
        """A two-line order."""
        return orders_pb2.PlaceOrderRequest(
            order=self.draft(self.pair()), payment=orders_pb2.PaymentInput(token=PAYMENT)
        ).SerializeToString()

    def take(self, answer: bytes) -> int:
        """Keep the order's id."""
        at = answer.find(b"ord_")
        self.accepted.append(answer[at : at + ORDER_ID_LENGTH].decode())
        return 1


class PlaceHot(PlaceGrpc):
    """PlaceOrder where every order takes the same article, and another one."""

    def pair(self) -> list[str]:
        """The hot article and any other."""
        return [self.shop.skus[0], self.random.choice(self.shop.skus[HOT_SKUS:])]
