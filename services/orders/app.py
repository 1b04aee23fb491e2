"""Composition of orders: the only module that sees every layer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from aljibe.orders.v1 import (
    dates_pb2,
    dates_pb2_grpc,
    orders_pb2,
    orders_pb2_grpc,
    rules_pb2,
    rules_pb2_grpc,
    stock_prices_pb2,
    stock_prices_pb2_grpc,
)
from chassis import metrics
from chassis.envelope import OutboxEvent
from chassis.ids import new_id
from chassis.leases import while_leased
from chassis.pages import PageTokens
from chassis.run import Built, Context, ServiceDefinition
from services.orders.adapters.grpc.catalog import (
    CatalogPrices,
    read_catalogue,
    read_channels,
    read_unit_prices,
)
from services.orders.adapters.grpc.dates import AvailabilityDateServicer
from services.orders.adapters.grpc.errors import ERRORS
from services.orders.adapters.grpc.fulfillment import FulfillmentTaken
from services.orders.adapters.grpc.inventory import (
    InboundSnapshots,
    InventoryLimits,
    InventoryReservations,
    Snapshots,
    read_locations,
)
from services.orders.adapters.grpc.rules import SourcingRulesServicer
from services.orders.adapters.grpc.servicer import OrderServicer
from services.orders.adapters.grpc.stock_prices import StockPriceServicer
from services.orders.adapters.nats.bells import Bells
from services.orders.adapters.nats.catalogue import CatalogueCopy
from services.orders.adapters.nats.consumers import consumers
from services.orders.adapters.nats.directory import CachedDirectory
from services.orders.adapters.nats.replica import AvailabilityReplica
from services.orders.adapters.nats.rules_book import CachedRulesBook
from services.orders.adapters.postgres.accept import GroupAcceptor
from services.orders.adapters.postgres.auditor import OrderAuditor
from services.orders.adapters.postgres.capacity import CapacityBook
from services.orders.adapters.postgres.demand import Demand
from services.orders.adapters.postgres.intents import PostgresIntents
from services.orders.adapters.postgres.provider import TestProvider
from services.orders.adapters.postgres.refused import RefusedOrders
from services.orders.adapters.postgres.rules import RulesReader
from services.orders.adapters.postgres.stopped import StoppedLocations
from services.orders.adapters.postgres.store import PostgresStore
from services.orders.adapters.prices import PricesAtHand
from services.orders.adapters.pricing.upkeep import StockPrices
from services.orders.config import Settings
from services.orders.domain.rules import SourcingRules
from services.orders.usecases.availability_dates import AvailabilityDates
from services.orders.usecases.backorders import Backorders
from services.orders.usecases.cancel_order import CancelOrder
from services.orders.usecases.hold_order import HoldOrder
from services.orders.usecases.move_units import MoveUnits
from services.orders.usecases.place_order import PlaceOrder
from services.orders.usecases.preview_order import PreviewOrder
from services.orders.usecases.resolve_shortage import ResolveShortage
from services.orders.usecases.secure import Secure
from services.orders.usecases.settle_payments import SettlePayments
from services.orders.usecases.source_again import SourceAgain
from services.orders.usecases.stopped_locations import SweepStopped
from services.orders.usecases.terms import by_book

CHECK_EVERY_SECONDS = 30.0
SWEEP_EVERY_SECONDS = 1.0
START_WAIT_SECONDS = 30.0
_SERVICE = orders_pb2.DESCRIPTOR.services_by_name["OrderService"]
_DATES_SERVICE = dates_pb2.DESCRIPTOR.services_by_name["AvailabilityDateService"]
_PRICES_SERVICE = stock_prices_pb2.DESCRIPTOR.services_by_name["StockPriceService"]
_RULES_SERVICE = rules_pb2.DESCRIPTOR.services_by_name["SourcingRulesService"]

_CASES = metrics.gauge("orders_sourcing_cases_open", "cases", "Units that wait for another location")
_PAYMENTS = metrics.gauge("orders_payment_tasks_due", "tasks", "Money that the provider has yet to move")


async def build(ctx: Context[Settings]) -> Built:
    """Everything that orders is made of."""
    settings, clock = ctx.settings, ctx.clock
    built_in = SourcingRules(split=settings.split_cost, ship_cut_off_minute=settings.ship_cut_off_minute)
    catalog, inventory, fulfillment = (
        ctx.channel("catalog"),
        ctx.channel("inventory"),
        ctx.channel("fulfillment"),
    )
    bells = Bells(ctx.nats)
    wakeups: list[Callable[[], None]] = []

    def announce(events: Sequence[OutboxEvent], order_ids: Sequence[str]) -> None:
        ctx.relay.wake(events)
        bells.ring(order_ids)

    def on_work() -> None:
        for wake in wakeups:
            wake()

    pages = PageTokens(ctx.db.secret)
    capacity = CapacityBook(ctx.db, lambda: directory.locations)
    store = PostgresStore(ctx.db, announce, clock, capacity)
    acceptor = GroupAcceptor(ctx.db, announce, clock, capacity)
    replica = AvailabilityReplica(
        ctx.nats, partial(Snapshots, inventory), partial(InboundSnapshots, inventory)
    )
    directory = CachedDirectory(
        ctx.nats, partial(read_locations, inventory), partial(read_channels, catalog), store.save_basis
    )
    book = CachedRulesBook(
        ctx.nats, built_in, RulesReader(ctx.db, built_in).timeline, store.save_basis, clock
    )

    def describes() -> bool:
        return book.current(clock()).describes

    asked_prices = CatalogPrices(catalog, describes)
    catalogue = CatalogueCopy(ctx.nats, partial(read_catalogue, catalog), clock)
    prices = PricesAtHand(catalogue, asked_prices, describes, clock)
    reservations = InventoryReservations(inventory, replica.learn)
    provider = TestProvider(ctx.db)
    intents = PostgresIntents(ctx.db)
    taken = FulfillmentTaken(fulfillment)
    stock_prices = StockPrices(
        db=ctx.db,
        database_url=settings.postgres_url,
        schema=definition.schema or "",
        demand=Demand(ctx.db),
        nats=ctx.nats,
        stock=replica,
        places=directory,
        ready=replica.ready,
        unit_prices=partial(read_unit_prices, catalog),
        rules_at=book.current,
        clock=clock,
        every_seconds=settings.stock_prices_seconds,
        horizon_days=settings.stock_horizon_days,
    )

    terms_at = by_book(book, lambda: stock_prices.book, capacity)
    secure = Secure(replica, directory, reservations, terms_at, clock, replica.supplies)
    refused = RefusedOrders(ctx.db, ctx.relay, clock, ERRORS)
    place = PlaceOrder(
        prices=prices,
        secure=secure,
        directory=directory,
        reservations=reservations,
        provider=provider,
        intents=intents,
        acceptor=acceptor,
        store=store,
        capacity=capacity,
        clock=clock,
        new_id=new_id,
        refused=refused.note,
    )
    moves = MoveUnits(store, secure, taken, directory, reservations, capacity, new_id)
    backorders = Backorders(store, directory, terms_at, capacity, new_id, replica.supplies)
    source_again = SourceAgain(
        store, secure, taken, directory, reservations, capacity, new_id, moves, backorders
    )
    payments = SettlePayments(store, provider)
    wakeups += [source_again.wake, payments.wake]
    servicer = OrderServicer(
        place=place,
        preview=PreviewOrder(
            prices, replica, InventoryLimits(inventory), directory, terms_at, clock, replica.supplies
        ),
        cancel=CancelOrder(store, taken),
        resolve=ResolveShortage(store, secure, directory, reservations, capacity, new_id),
        hold=HoldOrder(store),
        move=moves,
        store=store,
        bells=bells,
        pages=pages,
    )
    rules_servicer = SourcingRulesServicer(ctx.db, built_in, directory, book, ctx.relay, pages, clock)

    async def before_serve() -> None:
        # A plan needs stock, locations and its rules on record; but a neighbour that is away must not
        # keep us from serving.
        await replica.open()
        await directory.open()
        await catalogue.open()
        await book.open()
        await book.refresh()
        await stock_prices.open()
        await capacity.refresh()
        await _at_most(START_WAIT_SECONDS, directory.ready())
        await _at_most(START_WAIT_SECONDS, replica.ready())

    async def look_after() -> None:
        await capacity.forget()
        cases, due = await store.waiting()
        _CASES.set(cases)
        _PAYMENTS.set(due)
        await intents.void_expired()

    sweep = SweepStopped(store, StoppedLocations(ctx.db), new_id, source_again.wake)

    async def sweep_stopped() -> None:
        await while_leased(ctx.db, "orders.stopped", sweep, every_seconds=SWEEP_EVERY_SECONDS)

    async def housekeeping() -> None:
        await while_leased(ctx.db, "orders.housekeeping", look_after, every_seconds=CHECK_EVERY_SECONDS)

    return Built(
        servicers=[
            (orders_pb2_grpc.add_OrderServiceServicer_to_server, servicer, _SERVICE),
            (
                dates_pb2_grpc.add_AvailabilityDateServiceServicer_to_server,
                AvailabilityDateServicer(
                    AvailabilityDates(prices, replica, directory, terms_at, clock, replica.supplies)
                ),
                _DATES_SERVICE,
            ),
            (rules_pb2_grpc.add_SourcingRulesServiceServicer_to_server, rules_servicer, _RULES_SERVICE),
            (
                stock_prices_pb2_grpc.add_StockPriceServiceServicer_to_server,
                StockPriceServicer(lambda: stock_prices.book, replica.items),
                _PRICES_SERVICE,
            ),
        ],
        consumers=consumers(ctx.db, ctx.nats, store, clock, on_work, backorders),
        background=[
            replica.run,
            directory.run,
            catalogue.run,
            book.run,
            capacity.run,
            source_again.run,
            payments.run,
            stock_prices.run,
            refused.run,
            OrderAuditor(ctx.db, clock).run,
            housekeeping,
            sweep_stopped,
        ],
        replicas={"availability": replica.keeper},
        closers=[
            store.close,
            provider.close,
            intents.close,
            replica.close,
            reservations.close,
            asked_prices.close,
            acceptor.close,
        ],
        before_serve=before_serve,
    )


async def _at_most(seconds: float, awaited: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awaited


definition = ServiceDefinition(
    name="orders",
    schema="orders",
    migrations_package="services.orders.adapters.postgres.migrations",
    error_table=ERRORS,
    build=build,
    settings=Settings,
)
