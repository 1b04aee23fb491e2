"""What the use cases need from the world outside; adapters fill these shapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeVar

from services.orders.domain.draft import Channel, Draft
from services.orders.domain.facts import Wanted
from services.orders.domain.lines import Spot
from services.orders.domain.order import Order
from services.orders.domain.places import Locations
from services.orders.domain.prices import Quote
from services.orders.domain.record import DecisionRecord
from services.orders.domain.refusals import LimitExceeded
from services.orders.domain.rules import SourcingRules
from services.orders.domain.sourcing import Plan
from services.orders.domain.supplies import Coming
from services.orders.domain.views import Capacity, Stock

R = TypeVar("R")


# ---- prices


class Prices(Protocol):
    """The catalog's price engine."""

    async def quote(self, draft: Draft, tax_country: str, tax_region: str) -> Quote:
        """What the draft costs; a refusal of the catalog passes through as it is."""
        ...


# ---- stock


class StockReplica(Protocol):
    """The copy of availability that plans are made on."""

    def view(self, channel_id: str, *, holding: bool = False) -> Stock:
        """The copy as a channel may have it, less what this process is reserving right now. What baskets hold
        and controls keep from the channel is left out, unless the plan is for one that is `holding`: which of
        it is its own, the authority says.
        """
        ...

    def bare(self, channel_id: str, *, holding: bool = False) -> Stock:
        """The copy itself, `holding` as above."""
        ...

    def taking(self, picks: Mapping[tuple[str, str], int]) -> Callable[[bool], None]:
        """Note that `picks` are being reserved; call the result with whether they were."""
        ...

    def kept(self, skus: Iterable[str]) -> list[str]:
        """Those of which a basket, a channel control or a limit per buyer has ever kept something back."""
        ...

    def mark(self, sku: str) -> object | None:
        """The same object for as long as no figure of the SKU changes; None: some are about to."""
        ...

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call, from the authority."""
        ...


class Supplies(Protocol):
    """The copy of what is still to come, and of the terms on which it is sold."""

    def may(self, sku: str, channel_id: str, *, asked: bool) -> bool:
        """Whether a line of that article may be served later; `asked`: it says that it accepts that."""
        ...

    def release_time(self, sku: str, channel_id: str) -> datetime | None:
        """Before when a channel gives the article to nobody, if that is said."""
        ...

    def coming(self, sku: str, channel_id: str, now: datetime, receiving_days: int) -> list[Coming]:
        """What a channel may promise of it, the soonest first."""
        ...

    async def refresh(self, skus: Sequence[str]) -> None:
        """Bring these SKUs up to the moment of the call, from the authority."""
        ...


class BuyerLimits(Protocol):
    """What each customer may have of scarce articles."""

    async def exceeded(
        self, customer_id: str, hold_id: str, units: Mapping[str, int]
    ) -> Sequence[LimitExceeded]:
        """What a reservation of these units by SKU would be refused for now; a refusal of the authority
        itself is passed on.
        """
        ...


class Directory(Protocol):
    """Locations and channels, cached."""

    @property
    def locations(self) -> Locations:
        """All locations known."""
        ...

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels known."""
        ...

    async def learn(self, location_ids: set[str], channel_id: str) -> None:
        """Ask again when one of these is not known; whether it is known then shows in the properties."""
        ...


class RulesBook(Protocol):
    """Which rules of sourcing hold when."""

    def current(self, now: datetime) -> SourcingRules:
        """The rules that hold at `now`; their content is on record already."""
        ...


class Granted(NamedTuple):
    """A live reservation; `picks` by (SKU, location)."""

    reservation_id: str
    picks: Mapping[tuple[str, str], int]
    expire_time: datetime | None
    existed: bool
    supply_picks: Mapping[tuple[str, str, str], int] = MappingProxyType({})
    """By (SKU, location, supply): what it waits for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing was reserved; the true figures are in the replica already."""

    reason: str
    status: bytes
    closed_location_id: str = ""
    """The location that was planned on and takes no orders now."""


class Reservations(Protocol):
    """Inventory's authority over stock."""

    async def reserve(
        self,
        order_id: str,
        attempt: int,
        picks: Mapping[tuple[str, str], int],
        channel_id: str,
        hold_id: str = "",
        customer_id: str = "",
        accepted: bool = False,
        supply_picks: Mapping[tuple[str, str, str], int] = MappingProxyType({}),
    ) -> Granted | Refused:
        """All picks or none, those of supplies that have not come included; of a basket's hold first. Of an
        order that was `accepted` before no limit per buyer refuses them.
        """
        ...

    async def release(self, reservation_id: str) -> None:
        """Give everything back, as far as inventory can be reached now; a held one expires anyway."""
        ...


# ---- money


class ProviderAway(Exception):
    """The payment provider did not answer; whether it acted is not known."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The provider keeps the amount for us."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider said no."""

    reason: str


@dataclass(frozen=True, slots=True)
class MoneyMove:
    """What the provider is to do with an authorisation, once per key. Kinds: CAPTURE, VOID, REFUND,
    VOID_AUTHORIZATION.
    """

    idempotency_key: str
    authorization_key: str
    kind: str
    amount_minor: int
    currency_code: str


class Backing(NamedTuple):
    """What an authorisation lives and dies with: its key is that of a reservation or of an intent, which
    end at `until` unless the order is accepted (None: nothing is left to end).
    """

    authorization_key: str
    until: datetime | None
    intended: bool = False


class Intents(Protocol):
    """Money about to be authorised for orders that have no reservation; voided unless they are accepted."""

    async def note(self, order_id: str, amount_minor: int, currency_code: str) -> Backing:
        """Durable when it returns; while an order's intent stands, it is given again."""
        ...

    async def void(self, order_id: str) -> None:
        """The order is not accepted with it: whatever was authorised is voided."""
        ...


class PaymentProvider(Protocol):
    """Where money is authorised and moved. Every call is idempotent by its key."""

    def blocks(self, token: str) -> bool:
        """Whether an authorisation keeps the customer's money until it is voided; cash does not."""
        ...

    async def authorize(
        self, idempotency_key: str, amount_minor: int, currency_code: str, token: str
    ) -> Authorized | Declined:
        """Keep `amount_minor` for us.

        Raises:
            ProviderAway: no answer.
            PaymentTokenUnknown: no such token.
        """
        ...

    async def move(self, what: MoneyMove) -> None:
        """Take, release or give back.

        Raises:
            ProviderAway: no answer.
        """
        ...


# ---- orders


class Decided(NamedTuple):
    """A decision to be kept with its order."""

    attempt: int
    trigger: str
    record: DecisionRecord
    plan: Plan


class Acceptance(NamedTuple):
    """An order about to be accepted. `hold_until` is when its reservation or its intent would end; the
    acceptance ends the intent.
    """

    order: Order
    decisions: tuple[Decided, ...]
    request_key: str
    fingerprint: bytes
    request_id: str
    hold_until: datetime | None
    intended: bool


class Acceptor(Protocol):
    """The group commit of acceptances."""

    async def stored(self, request_key: str, fingerprint: bytes, request_id: str) -> bytes | None:
        """The answer that was given to this request before, if any.

        Raises:
            RequestIdReused: the request id was first used with other content.
        """
        ...

    async def accept(self, acceptance: Acceptance) -> bytes:
        """Commit the order and its answer; gives the answer, or the one that was stored first.

        Raises:
            HoldTooShort: the reservation ends too soon; nothing was committed.
            CapacityTaken: a day that a part takes of is full; nothing was committed.
        """
        ...


class HoldTooShort(Exception):
    """The reservation behind an acceptance ends too soon."""


class CapacityTaken(Exception):
    """Others took the capacity of a day meanwhile; nothing was committed. Promise again, after `refresh`."""


class LiveCapacity(Capacity, Protocol):
    """What locations can still take on, as far as this process knows; the authority is the commit."""

    async def refresh(self) -> None:
        """Bring it up to the moment of the call."""
        ...


Goods = Mapping[int, tuple[str, tuple[tuple[str, str], ...]]]
"""Brand and attributes (name, value) by line number."""

CaseUnits = tuple[tuple[int, int, str], ...]
"""(line number, units, fulfillment order id)."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What a customer wanted cancelled, and whether it is."""

    units: Mapping[Spot, int]
    done: bool


@dataclass(frozen=True, slots=True)
class Case:
    """Units that need another location."""

    order_id: str
    case_id: str
    wanted: Wanted
    """What made it necessary, and who wanted it where somebody did."""
    stage: str
    units: CaseUnits
    attempt: int
    tries: int
    created_at: datetime
    traceparent: str | None = None
    """Of the order's acceptance; None when it is not known any more."""
    excluded: frozenset[str] = frozenset()
    """Locations that shall not serve the units, beyond those that failed."""

    @property
    def trigger(self) -> str:
        """What made it necessary, see `SourcingDecision.trigger`."""
        return self.wanted.trigger


@dataclass(frozen=True, slots=True)
class PaymentTask:
    """Money to be moved."""

    order_id: str
    task_id: str
    kind: str
    authorization_key: str
    amount_minor: int
    currency_code: str
    tries: int
    traceparent: str | None = None
    """Of the order's acceptance; None when it is not known any more."""


class Tx(Protocol):
    """An open transaction with orders that are locked; what it does to them is written when it ends."""

    orders: dict[str, Order]
    now: datetime

    def keep(self, order_id: str, decided: Decided) -> None:
        """Keep a decision with its order."""
        ...

    async def stored(self, request_key: str, fingerprint: bytes, request_id: str) -> bytes | None:
        """The answer that was given to this request before, if any; concurrent repeats wait here."""
        ...

    def answer(self, request_key: str, fingerprint: bytes, response: Callable[[], bytes]) -> None:
        """Store the answer to the request; it is made after the orders have their new versions."""
        ...

    async def open_case(
        self, order_id: str, case_id: str, trigger: str, stage: str, units: CaseUnits, attempt: int
    ) -> None:
        """Put units on the list of those that need another location; a known id changes nothing."""
        ...

    async def open_move(self, case: Case, *, wait_seconds: float = 0.0) -> None:
        """Put units on the list of those that others shall serve, not to be claimed for `wait_seconds`; a
        known id changes nothing.
        """
        ...

    async def drop_case(self, order_id: str, case_id: str) -> None:
        """A move that was refused: all is as it was."""
        ...

    async def lock_case(self, order_id: str, case_id: str) -> Case | None:
        """A case as it is now, if there is one."""
        ...

    async def move_case(self, case: Case, *, wait_seconds: float = 0.0, note: str = "") -> None:
        """Write the case's stage, units, attempt and tries; it is due again in `wait_seconds`."""
        ...

    async def open_cancellation(self, order_id: str, cancellation_id: str, units: Mapping[Spot, int]) -> None:
        """Note what fulfillment is about to be asked to take out."""
        ...

    async def cancellation(self, order_id: str, cancellation_id: str) -> Cancellation | None:
        """What was noted, if anything."""
        ...

    async def finish_cancellation(self, order_id: str, cancellation_id: str) -> None:
        """It took effect."""
        ...

    async def drop_cancellation(self, order_id: str, cancellation_id: str) -> None:
        """Fulfillment refused it."""
        ...

    async def owe(self, task: PaymentTask) -> None:
        """Money to be moved; a known task id changes nothing."""
        ...

    async def finish_tasks(self, tasks: Sequence[PaymentTask]) -> set[str]:
        """Tasks that are done; gives the ids of those that were not done before."""
        ...


class Store(Protocol):
    """Orders and the work lists around them."""

    async def change(
        self,
        order_ids: Sequence[str],
        work: Callable[[Tx], Awaitable[R]],
        traceparents: Mapping[str, str | None] = ...,
    ) -> R:
        """One transaction around `work`, with these orders locked in order of id; unknown ones are absent.

        It may run again when the database asks for it, so `work` has no effect outside. What is told of an
        order goes on with the trace that `traceparents` has for it, else with the present one.

        Raises:
            CapacityTaken: a day that a new part takes of is full; nothing was changed.
        """
        ...

    async def read(self, order_id: str) -> Order | None:
        """An order as it is."""
        ...

    async def goods(self, order_id: str) -> Goods:
        """What its decisions knew of its goods: of what the rules in force asked for, where they did."""
        ...

    async def claim_cases(self, most: int, seconds: float) -> list[Case]:
        """Due cases, set aside from other instances for a while."""
        ...

    async def postpone_case(self, case: Case, wait_seconds: float, note: str) -> None:
        """A case that failed waits; works also when its order cannot be read."""
        ...

    async def claim_tasks(self, most: int, seconds: float) -> list[PaymentTask]:
        """Due payment tasks, set aside for a while; of an order only the oldest."""
        ...

    async def postpone_task(self, task: PaymentTask, wait_seconds: float, note: str) -> None:
        """A task that failed waits."""
        ...


class Taken(Protocol):
    """Fulfillment's answer to a wish to take units out."""

    async def take_out(self, order: Order, request_id: str, units: Mapping[Spot, int]) -> str:
        """Take units out of their fulfillment orders, all or none: empty when done, else the reason."""
        ...
