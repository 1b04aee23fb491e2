"""Plants in how services store: locks, transactions, idempotency, events."""

from __future__ import annotations

import pytest

from tests.plants.planting import edit, edit_migration, edit_query, plant

MIGRATIONS = "services.inventory.adapters.postgres.migrations"
RACES = "services/inventory/tests/test_races.py::"


@plant("positions are read without a lock", RACES + "test_the_last_unit_is_sold_once[book]")
def dropped_lock(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.statements import sql

    edit_query(patch, sql, "lock_positions", "\nFOR UPDATE OF p", "")


@plant(
    "only the quick way to a reservation judges what was there before its lock came",
    "services/inventory/tests/test_plain.py::test_groups_race_at_the_last_units",
    RACES + "test_the_last_unit_is_sold_once[plain]",
)
def dropped_lock_of_the_quick_way(patch: pytest.MonkeyPatch) -> None:
    edit_migration(
        patch,
        MIGRATIONS,
        "plain_in_one_update",
        "AND NOT p.guarded AND p.on_hand_units - p.reserved_units - p.safety_units >= n.wanted\n",
        """AND NOT p.guarded AND EXISTS (
            SELECT FROM position q, pg_sleep(0.002) WHERE q.sku = n.sku AND q.location_id = n.location_id
            AND q.on_hand_units - q.reserved_units - q.safety_units >= n.wanted)
""",
    )


@plant(
    "positions are locked in the other order",
    RACES + "test_positions_are_locked_in_one_order_whatever_order_they_are_asked_in[book]",
)
def wrong_lock_order(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.statements import sql

    edit_query(patch, sql, "lock_positions", "ORDER BY p.sku, p.location_id", "ORDER BY p.sku DESC")


@plant(
    "only the quick way to a reservation locks in an order of its own",
    RACES + "test_positions_are_locked_in_one_order_whatever_order_they_are_asked_in[plain]",
)
def wrong_lock_order_of_the_quick_way(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres import plain

    edit(patch, plain.grant, ("sorted(plain.taken)", "sorted(plain.taken, reverse=True)"))


@plant(
    "the quick way to a reservation does not look whether a basket holds the article",
    "services/inventory/tests/test_plain.py::test_who_is_not_plain_is_named_and_nothing_is_written[postgres]",
)
def guard_ignored_by_the_quick_way(patch: pytest.MonkeyPatch) -> None:
    edit_migration(
        patch, MIGRATIONS, "plain_in_one_update", "\n          AND NOT p.guarded AND p.", "\n          AND p."
    )


@plant("what is decided on was read before the lock came", RACES + "test_the_last_unit_is_sold_once[book]")
def check_outside_the_lock(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.store import PostgresTransaction

    edit(
        patch,
        PostgresTransaction._lock_positions,
        (
            "return await self._conn.fetch(sql.lock_positions, separator, skus, places)",
            """look = sql.lock_positions.replace("FOR UPDATE OF p", "")
    seen = await self._conn.fetch(look, separator, skus, places)
    await self._conn.fetch(sql.lock_positions, separator, skus, places)
    return seen""",
        ),
    )


@plant(
    "the answer to a request is not kept",
    "services/inventory/tests/test_stock_contract.py::"
    "test_a_request_repeated_in_a_group_or_later_takes_effect_once[postgres]",
)
def lost_idempotency_key(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.store import PostgresTransaction

    edit(
        patch,
        PostgresTransaction.keep,
        ("if len(await requests.insert_many(self._conn, rows)) != len(rows):", "if not rows:"),
    )


@plant(
    "two who got the same request at once both act on it",
    RACES + "test_one_request_from_all_sides_takes_effect_once",
)
def answered_meanwhile_ignored(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.store import PostgresTransaction

    edit(
        patch,
        PostgresTransaction.keep,
        (
            "if len(await requests.insert_many(self._conn, rows)) != len(rows):",
            "await requests.insert_many(self._conn, rows)\n    if not rows:",
        ),
    )


@plant(
    "a request id is kept apart from its effect, so that a refusal is replayed as a success",
    "chassis/tests/test_requests.py::test_a_failure_is_not_stored",
)
def key_apart_from_effect(patch: pytest.MonkeyPatch) -> None:
    from chassis import requests

    edit(
        patch,
        requests.idempotent,
        (
            """        response = await fn(conn)
        await save(conn, key, content, response.SerializeToString())
""",
            """        async with db.transaction() as apart:
            await save(apart, key, content, answer().SerializeToString())
        response = await fn(conn)
""",
        ),
    )


@plant(
    "a transaction that is run again has lost the events of the first try",
    "services/orders/tests/test_accept_again.py::test_an_acceptance_that_is_run_again_tells_of_its_orders",
)
def events_lost_on_retry(patch: pytest.MonkeyPatch) -> None:
    from services.orders.adapters.postgres.accept import GroupAcceptor

    edit(
        patch,
        GroupAcceptor._commit,
        (
            "[event for m in members for event in m.events]",
            "[m.events.pop(0) for m in members for _ in tuple(m.events)]",
        ),
    )


@plant(
    "the audit reads the first month of the ledger only",
    "services/inventory/tests/test_ledger.py::test_the_audit_reads_every_month",
)
def audit_skips_a_partition(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.postgres.audit import audit_sql

    edit_query(
        patch,
        audit_sql,
        "on_hand",
        "FROM movement GROUP BY",
        "FROM movement WHERE tableoid::regclass::text LIKE '%movement_early' GROUP BY",
    )


@plant(
    "two associates pick the same unit, for nobody locked the work",
    "services/fulfillment/tests/test_postgres.py::test_two_associates_pick_the_same_unit_and_one_gets_it",
)
def dropped_lock_of_work(patch: pytest.MonkeyPatch) -> None:
    from services.fulfillment.adapters.postgres.orders import queries

    edit_query(patch, queries, "lock_orders", "FOR UPDATE", "")


@plant(
    "what follows a commit is done before it, and although it never comes",
    "chassis/tests/test_after_commit.py::"
    "test_what_follows_a_commit_is_done_after_it_and_never_after_a_rollback",
)
def publish_before_commit(patch: pytest.MonkeyPatch) -> None:
    from chassis import postgres

    edit(patch, postgres.after_commit, ("callbacks.append(callback)", "callback()"))
