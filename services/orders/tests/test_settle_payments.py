"""Money that is due moves, whatever one task or one order is like."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.orders.usecases.ports import MoneyMove, PaymentTask
from services.orders.usecases.settle_payments import SettlePayments


def a_task(order_id: str) -> PaymentTask:
    return PaymentTask(order_id, f"task-{order_id}", "CAPTURE", order_id, 100, "USD", 1)


class _Tx:
    def __init__(self, finished: list[str]) -> None:
        self.orders: dict[str, Any] = {}
        self._finished = finished

    async def finish_tasks(self, done: Sequence[PaymentTask]) -> set[str]:
        self._finished += [task.order_id for task in done]
        return set()


@dataclass
class _Store:
    """The work list in memory; an order among `unreadable` cannot be loaded."""

    due: list[PaymentTask]
    unreadable: frozenset[str] = frozenset()
    finished: list[str] = field(default_factory=list)
    postponed: dict[str, tuple[float, str]] = field(default_factory=dict)

    async def claim_tasks(self, most: int, seconds: float) -> list[PaymentTask]:
        claimed, self.due = self.due[:most], self.due[most:]
        return claimed

    async def change(
        self, order_ids: Sequence[str], work: Callable[[Any], Awaitable[Any]], traceparents: object = None
    ) -> Any:
        if self.unreadable & set(order_ids):
            raise KeyError("no such column")
        return await work(_Tx(self.finished))

    async def postpone_task(self, task: PaymentTask, wait_seconds: float, note: str) -> None:
        self.postponed[task.order_id] = (wait_seconds, note)


@dataclass
class _Provider:
    broken: frozenset[str] = frozenset()

    async def move(self, what: MoneyMove) -> None:
        if what.authorization_key in self.broken:
            raise ValueError("an answer nobody understands")


@pytest.mark.parametrize(
    ("unreadable", "broken", "note"),
    [
        (frozenset({"bad"}), frozenset[str](), "KeyError('no such column')"),
        (frozenset[str](), frozenset({"bad"}), "ValueError('an answer nobody understands')"),
    ],
)
async def test_a_task_that_fails_waits_with_its_error_and_the_others_are_done(
    unreadable: frozenset[str], broken: frozenset[str], note: str
) -> None:
    """One bad row once ended the whole service, at each of its starts anew."""
    store = _Store([a_task(one) for one in ("a", "bad", "b")], unreadable)
    payments = SettlePayments(store, _Provider(broken))  # type: ignore[arg-type]  # it needs no more of them

    running = asyncio.create_task(payments.run())
    async with asyncio.timeout(5):
        while not (store.postponed and len(store.finished) == 2):
            await asyncio.sleep(0)
    alive = not running.done()
    running.cancel()
    await asyncio.wait([running])

    assert alive
    assert sorted(store.finished) == ["a", "b"]
    assert store.postponed == {"bad": (1.0, note)}
