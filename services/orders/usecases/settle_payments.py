"""Money that is due at the provider: a list of tasks, worked off in the background, each once by its key."""

from __future__ import annotations

import asyncio
import logging

from chassis.conventions import ORDER_ID
from chassis.postgres import WAIT_OUT
from chassis.set_aside import Attempt, SetAside
from chassis.telemetry import from_traceparent, span
from services.orders.usecases.ports import MoneyMove, PaymentProvider, PaymentTask, ProviderAway, Store, Tx

log = logging.getLogger(__name__)

TASKS_AT_ONCE = 64
CLAIM_SECONDS = 30.0
IDLE_SECONDS = 0.5
RETRY_FIRST_SECONDS = 1.0
RETRY_CAP_SECONDS = 300.0
_AWAY: tuple[type[Exception], ...] = (*WAIT_OUT, OSError, TimeoutError)
NOTE_AGAIN_SECONDS = (0.1, 0.5, 1.0, 2.0)


class SettlePayments:
    """Works off payment tasks; any number of instances may."""

    def __init__(self, store: Store, provider: PaymentProvider) -> None:
        self._store = store
        self._provider = provider
        self._aside = SetAside(
            "orders.payments", first_seconds=RETRY_FIRST_SECONDS, cap_seconds=RETRY_CAP_SECONDS
        )
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work for ever; waits out a database that is away, and sets aside a task that fails."""
        while True:
            try:
                busy = await self.once()
            except _AWAY as error:
                log.warning("payments.waiting", extra={"reason": repr(error)})
                busy = 0
            if not busy:
                self._woken.clear()
                try:
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def once(self) -> int:
        """One round: claim, move the money with no transaction open, note what was done."""
        tasks = await self._store.claim_tasks(TASKS_AT_ONCE, CLAIM_SECONDS)
        outcomes = await asyncio.gather(*(self._move(task) for task in tasks))
        done = [task for task, moved in zip(tasks, outcomes, strict=True) if moved]
        if done:
            try:
                await self._note_patiently(done)
            except WAIT_OUT:
                raise
            except Exception:
                # One order cannot be read, or its books refuse it: the others' money must be noted
                # all the same.
                log.exception("payments.batch.not.noted")
                for task in done:
                    await self._note_alone(task)
        return len(tasks)

    async def _note_patiently(self, done: list[PaymentTask]) -> None:
        """Note them while the claim lasts. An order that somebody else holds just now (a lock waited for in
        vain is told as Unavailable) must not leave the money of all of them unnoted until the claim ends.
        """
        for pause in NOTE_AGAIN_SECONDS:
            try:
                await self._note(done)
            except WAIT_OUT:
                await asyncio.sleep(pause)
            else:
                return
        await self._note(done)

    async def _note(self, done: list[PaymentTask]) -> None:
        traceparents = {task.order_id: task.traceparent for task in done}
        await self._store.change(sorted(traceparents), lambda tx: _note(tx, done), traceparents)

    async def _note_alone(self, task: PaymentTask) -> None:
        # The money has moved; moving it again under its key changes nothing.
        with self._aside.trying(task.task_id) as attempt:
            await self._note([task])
        await self._postpone_failed(task, attempt)

    async def _move(self, task: PaymentTask) -> bool:
        move = MoneyMove(
            task.task_id, task.authorization_key, task.kind, task.amount_minor, task.currency_code
        )
        try:
            with (
                from_traceparent(task.traceparent),
                span(f"payment {task.kind.lower()}", attributes={ORDER_ID: task.order_id}),
                self._aside.trying(task.task_id, passing=(ProviderAway, *WAIT_OUT)) as attempt,
            ):
                await self._provider.move(move)
        except ProviderAway as error:
            wait = min(RETRY_CAP_SECONDS, RETRY_FIRST_SECONDS * 2 ** min(task.tries, 10))
            log.warning("payments.provider.away", extra={"task": task.task_id, "wait_seconds": wait})
            await self._store.postpone_task(task, wait, repr(error))
            return False
        await self._postpone_failed(task, attempt)
        return attempt.error is None

    async def _postpone_failed(self, task: PaymentTask, attempt: Attempt) -> None:
        if attempt.error is not None:
            await self._store.postpone_task(task, attempt.wait_seconds, repr(attempt.error))


async def _note(tx: Tx, done: list[PaymentTask]) -> None:
    new = await tx.finish_tasks(done)
    for task in done:
        order = tx.orders.get(task.order_id)
        if task.task_id in new and order is not None and task.kind != "VOID_AUTHORIZATION":
            order.money_moved(task.kind, task.amount_minor)
