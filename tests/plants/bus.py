"""Plants between services: outbox, relay, consumers, inbox, groups, replicas."""

from __future__ import annotations

import pytest

from tests.plants.planting import edit, edit_text, plant

BUS = "chassis/tests/test_bus.py::"
CRASHES = "chassis/tests/test_bus_crashes.py::test_a_kill_at_any_step_loses_and_doubles_nothing"


@plant(
    "a message is acknowledged before its effect is committed",
    CRASHES + "[consumer.before_commit:1]",
    fast=False,
)
def ack_before_commit(patch: pytest.MonkeyPatch) -> None:
    from chassis.consumer import Consumer

    edit(
        patch,
        Consumer._settle_batch,
        (
            "done = await self._transaction(messages)",
            """await ack_all(self._client, raw)
        await self._client.flush()
        done = await self._transaction(messages)""",
        ),
    )
    edit(
        patch,
        Consumer._finish,
        ("await ack_all(self._client, [origin[id(message)] for message in settled])", "pass"),
    )


@plant(
    "the inbox row is committed apart from the effect",
    BUS + "test_a_failing_message_is_tried_with_backoff_and_then_kept",
)
def inbox_apart_from_effect(patch: pytest.MonkeyPatch) -> None:
    from chassis.consumer import Consumer

    edit(
        patch,
        Consumer._settle_plain,
        (
            "if not await inbox.settle_plain(conn, self.name, messages, batch, self._gaps.confirmed):",
            """async with self._db.transaction() as apart:
        plain = await inbox.settle_plain(apart, self.name, messages, batch, self._gaps.confirmed)
    if not plain:""",
        ),
    )
    edit(
        patch,
        Consumer._settle_closely,
        (
            "fresh = await inbox.settle(conn, self.name, effective, done.cursors)",
            """async with self._db.transaction() as apart:
                    fresh = await inbox.settle(apart, self.name, effective, done.cursors)""",
        ),
    )


@plant(
    "the relay marks an event published when it has sent it, not when the broker has it",
    "chassis/tests/test_bus_marks.py::test_what_the_broker_has_not_acknowledged_is_not_marked",
)
def marked_before_the_brokers_ack(patch: pytest.MonkeyPatch) -> None:
    from chassis.outbox import Relay

    edit(
        patch,
        Relay._publish,
        (
            "answers = await self._publisher.publish(publications, ACK_TIMEOUT_SECONDS)",
            "await self._publisher.publish(publications, 0.01)",
        ),
        (
            "_batches.observe(len(rows))",
            "from chassis.bus_client import Stored; answers = [Stored(1, False) for _ in rows]",
        ),
    )


@plant(
    "the relay publishes from memory only",
    BUS + "test_the_sweep_finds_rows_that_nobody_handed_over",
    fast=False,
)
def sweep_forgotten(patch: pytest.MonkeyPatch) -> None:
    from chassis import outbox_sql

    edit_text(patch, outbox_sql, "CLAIM", "published_at IS NULL AND", "published_at IS NULL AND false AND")


@plant(
    "the relay asks for rows above the last one published",
    BUS + "test_a_row_that_commits_late_is_not_skipped",
    fast=False,
)
def above_the_last_seen(patch: pytest.MonkeyPatch) -> None:
    from chassis import outbox_sql

    edit_text(
        patch,
        outbox_sql,
        "CLAIM",
        "published_at IS NULL AND",
        """published_at IS NULL AND
        id > coalesce((SELECT max(id) FROM outbox WHERE published_at <= now()), '') AND""",
    )


@plant(
    "a message takes effect before the one that precedes it",
    BUS + "test_a_message_before_its_predecessor_waits_for_it",
)
def order_ignored(patch: pytest.MonkeyPatch) -> None:
    from chassis.consumer import Consumer

    edit(patch, Consumer._predecessor, ("history.predecessor(message, self._kinds) if", "0 if"))


@plant("a message that comes again takes effect again", BUS + "test_duplicates_have_one_effect")
def duplicates_take_effect(patch: pytest.MonkeyPatch) -> None:
    from chassis import inbox
    from chassis.consumer import Consumer

    edit(patch, inbox.sort, ("if message.id in known.settled:", "if False:"))
    edit(patch, Consumer._settle_closely, ("[one for one in effective if one.id in fresh]", "effective"))
    edit(patch, inbox.settle_plain, ("if failing or fresh < len(messages):", "if failing:"))


@plant(
    "a message that no handler can read is acknowledged and forgotten",
    BUS + "test_poison_goes_to_the_dead_letters_at_once_and_others_pass",
)
def poison_swallowed(patch: pytest.MonkeyPatch) -> None:
    from chassis.consumer import Consumer

    edit(
        patch,
        Consumer._bury,
        (
            "await inbox.bury(conn, self.name, message, raw.headers, attempts, error)",
            "await inbox.settle(conn, self.name, [message], {message.aggregate: message.sequence})",
        ),
    )


@plant(
    "work is done for a caller whose time has run out",
    "chassis/tests/test_groups.py::test_a_member_whose_time_ran_out_is_dropped_before_work",
)
def expired_deadline_worked(patch: pytest.MonkeyPatch) -> None:
    from chassis.groups import GroupCommit

    edit(patch, GroupCommit._alive, ("if member.deadline <= now:", "if False:"))


@plant(
    "an older version of a row replaces a newer one in a replica",
    "chassis/tests/test_replica.py::test_a_lower_version_never_replaces_a_higher_one",
)
def replica_ignores_versions(patch: pytest.MonkeyPatch) -> None:
    from chassis.replica import Replica

    edit(patch, Replica.put, ("if rows[count + at] >= version:", "if False:"))


@plant(
    "a replica does not notice that a message is missing",
    "chassis/tests/test_replica.py::test_a_hole_is_noticed_once",
)
def replica_ignores_gaps(patch: pytest.MonkeyPatch) -> None:
    from chassis.replica import Feed

    edit(patch, Feed.observe, ("missing = newest > before + (1 if sequence else 0)", "missing = False"))


@plant(
    "what nobody collected is booked where it was sent from, and not where it lies",
    "services/inventory/tests/test_events.py::"
    "test_goods_sent_to_a_store_are_no_stock_there_until_nobody_collects_them",
    fast=False,
)
def uncollected_goods_go_back_by_themselves(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.nats import consumers

    edit(
        patch,
        consumers.pickup_expired,
        ("origin.pickup_location_id), Cause.RETURN", "origin.location_id), Cause.RETURN"),
    )


@plant(
    "goods that came from elsewhere leave the book at the hand-over too, and not with their parcel alone",
    "services/inventory/tests/test_events.py::"
    "test_goods_sent_to_a_store_are_no_stock_there_until_nobody_collects_them",
    fast=False,
)
def handed_over_goods_leave_twice(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.adapters.nats import consumers

    edit(patch, consumers.order_handed_over, ("if event.origin.pickup_location_id:", "if False:"))
