"""What an aggregate told before: worked out from a batch or the table, and what a consumer makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from chassis import history
from chassis.envelope import Incoming, header_block, header_values, headers, parse
from chassis.tests.bus_kit import CHANGED, PLACED, bus, event

KINDS = frozenset({"order-placed"})


def incoming(sequence: int, told: dict[str, int] | None) -> Incoming:
    return Incoming(
        "evt_1",
        PLACED,
        "/aljibe/shop",
        "s",
        "order",
        "ord_1",
        sequence,
        datetime.now(UTC),
        b"",
        None,
        1,
        told,
    )


def test_a_consumer_waits_for_the_last_of_its_own_kinds() -> None:
    told = {"order-placed": 2, "order-changed": 6}

    assert history.predecessor(incoming(7, told), KINDS) == 2
    assert history.predecessor(incoming(7, told), frozenset({"order-changed"})) == 6
    assert history.predecessor(incoming(7, told), frozenset({"order-lost"})) == 0
    assert history.predecessor(incoming(7, told), None) == 6


def test_without_a_history_the_number_before_counts() -> None:
    """An older release sends none: then it is for the source to say that nothing is missing."""
    assert history.predecessor(incoming(7, None), KINDS) == 6
    assert history.predecessor(incoming(1, None), KINDS) == 0


def test_events_published_together_tell_each_others_history() -> None:
    first, second, third = event("ord_1", 1), event("ord_1", 2, CHANGED), event("ord_1", 3, CHANGED)
    other = event("ord_2", 4)

    found, missing = history.among([first, other, second, third])

    assert found == {second.id: "order-placed=1", third.id: "order-placed=1,order-changed=2"}
    assert missing == [other]


def test_a_history_survives_the_wire_and_a_strange_one_is_none() -> None:
    one = event("ord_1", 7)
    block = header_block(headers(one, "/aljibe/shop", 0, "order-placed=1,order-changed=6"))

    read = parse(one.subject, header_values(block), one.payload, 1)
    strange = parse(one.subject, {**header_values(block), "ce-history": "what?"}, one.payload, 1)

    assert read.history == {"order-placed": 1, "order-changed": 6}
    assert strange == replace(read, history=None)


def test_headers_hold_no_line_break() -> None:
    """A value that ended its line would begin a header of its own."""
    block = header_block({"ce-id": "evt_1\r\nNats-Msg-Id: other", "ce-type": "t"})

    assert header_values(block) == {"ce-id": "evt_1 Nats-Msg-Id: other", "ce-type": "t"}


async def test_the_table_tells_a_history_only_while_it_knows_all_of_it(
    fresh_database: str, nats_url: str
) -> None:
    """Rows are deleted after their retention; half a history would hide a gap."""
    async with bus(fresh_database, nats_url) as kit:
        whole = [event("ord_1", 1), event("ord_1", 2, CHANGED), event("ord_1", 3, CHANGED), event("ord_1", 4)]
        await kit.place([*whole, event("ord_cut", 3), event("ord_cut", 4)], wake=False)
        cut = event("ord_cut", 5)

        async with kit.shop.connection() as conn:
            found = await history.of_table(conn, [whole[3], cut])

        (text,) = found.values()
        assert set(found) == {whole[3].id}
        assert set(text.split(",")) == {"order-placed=1", "order-changed=3"}
