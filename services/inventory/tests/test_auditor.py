"""A drift planted by hand is found by the audit that is asked for and by the one that never ends."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from chassis.metrics import REGISTRY
from chassis.postgres import Database
from services.inventory.adapters.postgres import auditor as module
from services.inventory.adapters.postgres.audit import audit
from services.inventory.adapters.postgres.auditor import Auditor, audit_skus
from services.inventory.domain.reserving import Commit, Consume
from services.inventory.domain.stock import Cause
from services.inventory.tests.builders import (
    OTHER_STORE,
    STORE,
    a_control,
    a_hold,
    a_receipt,
    a_reserve,
    a_sale,
    an_origin,
    unique,
    units,
)
from services.inventory.tests.conftest import Door
from services.inventory.tests.contract import Stock, in_postgres


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"aljibe_{name}", labels) or 0.0


async def filled(db: Database) -> Stock:
    """Some stock at two stores, with a promise, and an article with channel controls that all of a channel's
    ways to have units are counted under.
    """
    stock = await in_postgres(db)
    for number in range(7):
        await stock.do(a_receipt(5, sku=f"S{number}"))
        await stock.do(a_receipt(3, sku=f"S{number}", location_id=OTHER_STORE))
    await stock.do(a_reserve(2, sku="S3", order_id="ord-of-s3"))
    await stock.do(a_reserve(1, sku="S4"))
    stock.clock.now += timedelta(seconds=1)
    for channel_id in ("web", "app"):
        await stock.do(a_control(channel_id, sku="S4", cap=units(6)))
    stock.clock.now += timedelta(seconds=1)
    shipped = (await stock.do(a_reserve(1, sku="S4"))).reservation.reservation_id
    await stock.do(Commit(shipped))
    await stock.do(Consume(shipped, (), Cause.SHIPMENT, an_origin(shipped)))
    await stock.do(a_reserve(1, sku="S4", channel_id="app"))
    await stock.do(a_hold(2, sku="S4"))
    await stock.do(a_sale(1, sku="S4", location_id=OTHER_STORE, channel_id="app"))
    return stock


async def test_a_healthy_book_is_gone_through_in_slices(db: Database) -> None:
    await filled(db)
    auditor = Auditor(db, slice_skus=2)
    read = metric("inventory_audit_movements_total")
    found = metric("inventory_audit_differences_total", rule="ON_HAND")

    ended = await auditor.slice()
    await auditor.round()

    assert not ended
    assert metric("inventory_audit_movements_total") - read == 16
    assert metric("inventory_audit_differences_total", rule="ON_HAND") == found
    assert metric("inventory_audit_standing_differences") == 0
    assert 0 <= metric("inventory_audit_round_age_seconds") < 60


@pytest.mark.parametrize(
    ("drift", "rule", "sku"),
    [
        (
            "UPDATE position SET on_hand_units = 6 WHERE sku = 'S1' AND location_id = 'store-1'",
            "ON_HAND",
            "S1",
        ),
        ("DELETE FROM position WHERE sku = 'S6'", "ON_HAND", "S6"),
        (
            "UPDATE position SET reserved_units = 1 WHERE sku = 'S3' AND location_id = 'store-1'",
            "RESERVED",
            "S3",
        ),
        (
            "UPDATE position SET reserved_units = 1 WHERE sku = 'S0' AND location_id = 'store-1'",
            "RESERVED",
            "S0",
        ),
        ("INSERT INTO pool (sku, held_units, guarded) VALUES ('S2', 1, true)", "HELD", "S2"),
        (
            "UPDATE reservation SET state = 5 WHERE order_id = 'ord-of-s3'",
            "RESERVATION_LINE",
            "S3",
        ),
        (
            "UPDATE channel_control SET promised_units = 3 WHERE sku = 'S4' AND channel_id = 'web'",
            "CHANNEL_PROMISED",
            "S4",
        ),
        (
            "UPDATE channel_control SET taken_units = taken_units + 1 WHERE channel_id = 'app'",
            "CHANNEL_TAKEN",
            "S4",
        ),
        ("UPDATE channel_control SET held_units = 0 WHERE channel_id = 'web'", "CHANNEL_HELD", "S4"),
        ("UPDATE pool SET controlled = false WHERE sku = 'S4'", "CHANNEL_HELD", "S4"),
    ],
)
async def test_a_drift_planted_by_hand_is_found_by_both(
    db: Database, caplog: pytest.LogCaptureFixture, drift: str, rule: str, sku: str
) -> None:
    await filled(db)
    async with db.connection() as conn:
        await conn.execute(drift)
    before = metric("inventory_audit_differences_total", rule=rule)

    asked = await audit(db, 10)
    with caplog.at_level(logging.ERROR, logger=module.__name__):
        await Auditor(db).round()

    assert (rule, sku) in {(one.rule, one.sku) for one in asked.differences}
    logged = {(vars(one)["rule"], vars(one)["sku"]) for one in caplog.records}
    assert logged == {(rule, sku)}
    assert metric("inventory_audit_differences_total", rule=rule) > before
    assert metric("inventory_audit_standing_differences") >= 1


async def test_a_movement_without_a_position_behind_all_others_is_found(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The last slice has no end: what sorts behind the last position belongs to it."""
    stock = await filled(db)
    await stock.do(a_receipt(1, sku="zzz"))
    async with db.connection() as conn:
        await conn.execute("DELETE FROM position WHERE sku = 'zzz'")

    with caplog.at_level(logging.ERROR, logger=module.__name__):
        await Auditor(db).round()

    assert [vars(one)["sku"] for one in caplog.records] == ["zzz"]


@pytest.mark.parametrize("sku", ["\x01", "S\x01", "S1", "S\ue000", "S\U0010ffff", "ñ"])
async def test_an_article_alone_is_audited_whatever_it_is_called(db: Database, sku: str) -> None:
    """And nobody's neighbour: each of these sorts beside one that is counted as well."""
    stock = await in_postgres(db)
    for name in ("S", "S0", sku, f"{sku}0", "T"):
        await stock.do(a_receipt(5, sku=name))

    async with db.connection() as conn:
        await conn.execute("UPDATE position SET on_hand_units = 4")
    found = await audit_skus(db, [sku], 10)

    assert [one.sku for one in found.differences] == [sku]
    assert found.movements == 1


async def test_a_round_goes_on_where_the_instance_before_stopped(db: Database) -> None:
    """With many positions a round outlasts deploys; beginning anew each time it would never end."""
    await filled(db)
    first, second = Auditor(db, slice_skus=3), Auditor(db, slice_skus=3)

    ends = [await first.slice(), await second.slice(), await first.slice(), await second.slice()]

    assert ends == [False, False, False, True]


async def test_a_running_service_finds_a_drift_by_itself(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    sku = unique("SKU")
    await door.receive(5, sku=sku)

    with caplog.at_level(logging.ERROR, logger=module.__name__):
        async with door.db.connection() as conn:
            await conn.execute(
                "UPDATE position SET on_hand_units = 4 WHERE sku = $1 AND location_id = $2", sku, STORE
            )
        async with asyncio.timeout(60):
            while not any(vars(one).get("sku") == sku for one in caplog.records):
                await asyncio.sleep(0.05)

    assert [one.sku for one in (await door.audit()).differences] == [sku]
