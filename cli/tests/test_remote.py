"""The commands that ask services, against stubs behind the chassis' own edge."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from aljibe.common.v1 import types_pb2
from aljibe.inventory.v1 import inventory_pb2
from aljibe.ops.v1 import bus_pb2
from aljibe.orders.v1 import orders_pb2
from cli.doors import own_token
from cli.session import Session
from cli.tests.conftest import StubPlatform, aljibe
from cli.texts import Texts

LETTER = "dlt_01jd8x6k2pf8ma9zq3v7t5n4wc"


def _order(order_id: str = "ord_1", version: int = 1) -> orders_pb2.Order:
    return orders_pb2.Order(
        order_id=order_id,
        channel_id="web",
        state=orders_pb2.ORDER_STATE_IN_PROGRESS,
        currency_code="USD",
        total_minor=123456,
        tax_minor=789,
        lines=[
            orders_pb2.OrderLine(
                line_number=1,
                sku="1029743",
                name_en="Soft drink",
                name_es="Refresco",
                quantity_units=3,
                method=types_pb2.FULFILLMENT_METHOD_SHIP,
                total_minor=123456,
                units=[
                    orders_pb2.UnitGroup(
                        state=orders_pb2.UNIT_STATE_PICKED, quantity_units=2, location_id="store-012"
                    ),
                    orders_pb2.UnitGroup(state=orders_pb2.UNIT_STATE_CANCELLED, quantity_units=1),
                ],
            )
        ],
        plan=[
            orders_pb2.PlanPart(
                fulfillment_order_id="ful_1",
                location_id="store-012",
                reservation_id="rsv_1",
                lines=[orders_pb2.PlanLine(line_number=1, sku="1029743", quantity_units=3)],
            )
        ],
        payment=orders_pb2.PaymentSummary(payment_id="pay_1", state="AUTHORIZED", authorized_minor=123456),
        messages=[orders_pb2.CustomerMessage(kind="ORDER_ACCEPTED", text="Thank you")],
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        version=version,
    )


def test_an_order_is_shown_with_all_that_a_person_asks_for(platform: StubPlatform) -> None:
    platform.stubs.orders["ord_1"] = _order()

    ran = platform.aljibe("order", "show", "ord_1")

    assert ran.code == 0
    for told in (
        "ord_1",
        "in progress",
        "Soft drink",
        "2 picked · store-012",
        "1 cancelled",
        "ful_1",
        "rsv_1",
    ):
        assert told in ran.out
    assert re.search(r"1.234\.56 USD", ran.out)
    assert "authorised" in ran.out
    assert "Thank you" in ran.out
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in ran.out


def test_a_decision_is_told_location_by_location_and_a_question_in_a_sentence(
    platform: StubPlatform,
) -> None:
    """Those that serve come first, and a rule is told by its name."""
    platform.stubs.orders["ord_1"] = _order()
    decision = platform.stubs.explained.decisions.add(attempt=1, trigger="PLACED", cost_minor=1823)
    decision.candidates.add(location_id="store-2", eliminated_by="SAFETY_DAYS", rule="weekend")
    decision.candidates.add(location_id="wh-1", cost_terms_minor={"parcel": 600, "stock_price": 45})
    platform.stubs.why_not.sentence_en = "store-2 keeps what it has."
    platform.stubs.why_not.sentence_es = "store-2 guarda lo que tiene."

    table = platform.aljibe("order", "why", "ord_1").out
    sentence = platform.aljibe("order", "why", "ord_1", "store-2", "--lang", "es").out

    assert "18.23 USD" in table
    assert table.index("wh-1") < table.index("store-2")
    assert "keeps it for its own customers: weekend" in table
    assert "0.45 USD" in table
    assert sentence == "store-2 guarda lo que tiene.\n"


def test_the_card_speaks_spanish(platform: StubPlatform) -> None:
    platform.stubs.orders["ord_1"] = _order()

    ran = platform.aljibe("order", "show", "ord_1", "--lang", "es")

    assert "Refresco" in ran.out
    assert "en curso" in ran.out
    assert "2 recogidas" in ran.out


def test_scripts_get_protojson_with_every_field(platform: StubPlatform) -> None:
    """A script must not have to know which values are defaults."""
    platform.stubs.orders["ord_1"] = _order()

    document = platform.aljibe("order", "show", "ord_1", "--json").document

    assert document["orderId"] == "ord_1"
    assert document["totalMinor"] == "123456"
    assert document["discountMinor"] == "0"
    assert document["lines"][0]["units"][1]["state"] == "UNIT_STATE_CANCELLED"


def test_a_refusal_is_one_line_with_its_reason(platform: StubPlatform) -> None:
    ran = platform.aljibe("order", "show", "ord_nobody")
    spanish = platform.aljibe("order", "show", "ord_nobody", "--lang", "es")
    scripted = platform.aljibe("order", "show", "ord_nobody", "--json")

    assert ran.code == 1
    assert ran.err == "refused by orders: ORDER_UNKNOWN: there is no order ord_nobody\n"
    assert "No existe el pedido ord_nobody" in spanish.err
    assert scripted.out == ""
    assert scripted.error["reason"] == "ORDER_UNKNOWN"
    assert scripted.error["metadata"] == {"order_id": "ord_nobody"}


def test_fields_at_fault_are_named(platform: StubPlatform) -> None:
    ran = platform.aljibe("order", "show", "x" * 65, "--json")

    assert ran.code == 1
    assert ran.error["reason"] == "FIELD_INVALID"
    assert [one["field"] for one in ran.error["violations"]] == ["order_id"]


def test_lists_follow_the_pages_up_to_the_limit(platform: StubPlatform) -> None:
    platform.stubs.orders = {f"ord_{number}": _order(f"ord_{number}") for number in range(450)}

    some = platform.aljibe("order", "list", "--limit", "401", "--state", "in-progress", "--json").document
    every = platform.aljibe("order", "list", "--limit", "1000", "--json").document

    assert len(some["orders"]) == 401
    assert some["more"] is True
    assert platform.stubs.requests[0].state == orders_pb2.ORDER_STATE_IN_PROGRESS
    assert len(every["orders"]) == 450
    assert every["more"] is False


def test_a_list_without_orders_says_so(platform: StubPlatform) -> None:
    assert platform.aljibe("order", "list").out == "no orders\n"
    assert platform.aljibe("order", "list", "--state", "lost").code == 2


def test_a_watch_shows_each_change_once_and_ends_with_the_order(platform: StubPlatform) -> None:
    platform.stubs.looks = [_order(version=1), _order(version=1), _order(version=2)]

    ran = platform.aljibe("order", "watch", "ord_1", "--json")

    assert ran.code == 0
    assert [json.loads(line)["version"] for line in ran.out.splitlines()] == ["1", "2"]


def test_stock_is_shown_per_location_with_its_ledger(platform: StubPlatform) -> None:
    platform.stubs.positions = [
        inventory_pb2.Position(
            sku="7", location_id="store-1", on_hand_units=5, reserved_units=2, available_units=3
        ),
        inventory_pb2.Position(sku="7", location_id="wh-east", on_hand_units=1200, available_units=1200),
    ]
    platform.stubs.movements = [
        inventory_pb2.Movement(
            sku="7", location_id="store-1", quantity_units=-2, cause=inventory_pb2.MOVEMENT_CAUSE_SALE
        )
    ]

    ran = platform.aljibe("stock", "show", "7", "--movements")
    document = platform.aljibe("stock", "show", "7", "--json").document

    assert re.search(r"store-1\s+5\s+2\s+0\s+3", ran.out)
    assert re.search(r"Total\s+1.205\s+2\s+0\s+1.203", ran.out)
    assert "till sale" in ran.out
    assert [one["availableUnits"] for one in document["positions"]] == [3, 1200]
    assert "movements" not in document


def test_what_a_channel_may_promise_is_shown_with_what_is_to_come(platform: StubPlatform) -> None:
    soonest = inventory_pb2.InboundUnits(quantity_units=30)
    soonest.expected_time.FromJsonString("2026-12-01T09:00:00Z")
    platform.stubs.availability = inventory_pb2.SkuAvailability(
        sku="7", available_units=3, inbound_units=1200, next_supply=soonest, inbound=[soonest]
    )

    ran = platform.aljibe("stock", "show", "7", "--channel", "web")
    document = platform.aljibe("stock", "show", "7", "--channel", "web", "--json").document

    assert "channel web may promise 3" in ran.out
    assert re.search(r"still to come from suppliers: 1.200; next: 30 on 2026-12-01", ran.out)
    assert document["available"] == {"channelId": "web", "units": 3}
    assert document["inbound"]["arrivals"][0]["expectedTime"] == "2026-12-01T09:00:00Z"


def test_a_clean_audit_ends_with_0_and_a_difference_with_1(platform: StubPlatform) -> None:
    """Scripts and the demo go by the exit code."""
    platform.stubs.audit = inventory_pb2.AuditStockResponse(movements=10, positions=4)
    clean = platform.aljibe("audit")
    platform.stubs.audit.difference_count = 2
    platform.stubs.audit.differences.add(
        rule="RESERVED", sku="7", location_id="store-1", expected_units=1, actual_units=2
    )
    differing = platform.aljibe("audit")

    assert clean.code == 0
    assert "every counter agrees" in clean.out
    assert differing.code == 1
    assert re.search(r"reserved ≠ Σ live lines\s+7\s+store-1\s+1\s+2", differing.out)
    assert platform.aljibe("audit", "--json").document["differenceCount"] == "2"


def test_dead_letters_of_all_services_are_listed(platform: StubPlatform) -> None:
    platform.stubs.letters = [
        bus_pb2.DeadLetter(
            dead_letter_id=LETTER,
            type="aljibe.orders.v1.OrderAccepted",
            aggregate_type="order",
            aggregate_id="ord_1",
            error="ValueError: [no] sense",
            traceback="Traceback: somewhere",
            state=bus_pb2.DEAD_LETTER_STATE_OPEN,
        )
    ]

    ran = platform.aljibe("dlq", "list", "--details")
    document = platform.aljibe("dlq", "list", "--json").document

    assert "ValueError: [no] sense" in ran.out
    assert "Traceback: somewhere" in ran.out
    assert "order/ord_1" in ran.out
    assert [one["service"] for one in document["services"]] == [
        "catalog",
        "inventory",
        "orders",
        "fulfillment",
    ]
    assert document["services"][2]["deadLetters"][0]["deadLetterId"] == LETTER


def test_services_that_are_down_are_told_of_and_the_others_shown(platform: StubPlatform) -> None:
    """An operator looks for dead letters just when something is broken."""
    platform.only_orders_answer()

    ran = platform.aljibe("dlq", "list", "--json")

    assert ran.code == 3
    assert [one["service"] for one in ran.document["services"]] == ["orders"]
    assert len(ran.err.splitlines()) == 3
    assert "inventory does not answer at 127.0.0.1:1" in ran.err


def test_a_letter_is_redriven_or_refused_with_the_new_error(platform: StubPlatform) -> None:
    platform.stubs.letters = [bus_pb2.DeadLetter(dead_letter_id=LETTER, type="t", error="ValueError: still")]
    refused = platform.aljibe("dlq", "redrive", "orders", LETTER)
    platform.stubs.letters[0].error = ""
    done = platform.aljibe("dlq", "redrive", "orders", LETTER)

    assert refused.code == 1
    assert "REDRIVE_FAILED" in refused.err
    assert done.code == 0
    assert platform.stubs.requests[0].request_id != platform.stubs.requests[1].request_id


def test_a_letter_is_discarded_only_with_a_note(platform: StubPlatform) -> None:
    platform.stubs.letters = [bus_pb2.DeadLetter(dead_letter_id=LETTER)]

    assert platform.aljibe("dlq", "discard", "orders", LETTER).code == 2
    assert platform.aljibe("dlq", "discard", "orders", LETTER, "--note", "a test").code == 0
    assert platform.stubs.requests[0].note == "a test"


def test_a_replay_says_which_events(platform: StubPlatform) -> None:
    of_one = platform.aljibe("outbox", "replay", "orders", "--aggregate", "order/ord_1")
    recent = platform.aljibe("outbox", "replay", "orders", "--since", "2h", "--json")
    platform.aljibe("outbox", "replay", "orders", "--since", "2026-11-01T09:00+01:00")

    aggregate, span, moment = platform.stubs.requests
    assert "12 events of orders" in of_one.out
    assert (aggregate.aggregate_type, aggregate.aggregate_id) == ("order", "ord_1")
    assert recent.document == {"events": "12"}
    since = span.recorded_from.ToDatetime(UTC)
    assert timedelta(hours=2) <= datetime.now(UTC) - since < timedelta(hours=2, minutes=1)
    assert moment.recorded_from.ToDatetime(UTC) == datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "arguments",
    [
        ["orders"],
        ["orders", "--all", "--since", "2h"],
        ["orders", "--aggregate", "ord_1"],
        ["orders", "--since", "yesterday"],
        ["gateway", "--all"],
    ],
)
def test_a_replay_that_is_not_clear_is_wrong_usage(platform: StubPlatform, arguments: list[str]) -> None:
    """Replaying everything by mistake floods every consumer."""
    ran = platform.aljibe("outbox", "replay", *arguments)

    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert platform.stubs.requests == []


def test_the_state_of_the_bus(platform: StubPlatform) -> None:
    ran = platform.aljibe("bus", "--service", "orders")

    assert re.search(r"orders\s+connected\s+3", ran.out)


def test_calls_carry_an_operators_token_or_the_given_one(
    platform: StubPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.aljibe("order", "list")
    monkeypatch.setenv("ALJIBE_TOKEN", "not-a-token")
    ran = platform.aljibe("order", "list")

    assert [subject.partition(":")[0] for subject in platform.stubs.subjects] == ["cli"]
    assert own_token(Session(Texts("en"))) == "not-a-token"
    assert ran.code == 1
    assert "TOKEN_INVALID" in ran.err


def test_an_address_given_by_hand_wins(platform: StubPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.write({})
    monkeypatch.setenv("ALJIBE_ORDERS_ADDRESS", platform.address)

    by_variable = platform.aljibe("order", "list")
    monkeypatch.setenv("ALJIBE_ORDERS_ADDRESS", "127.0.0.1:1")
    by_option = platform.aljibe("order", "list", "--url", platform.address)

    assert by_variable.code == 0
    assert by_option.code == 0


def test_the_demos_own_platform_is_found_below_the_data_folder(platform: StubPlatform) -> None:
    """`aljibe demo --keep` runs on var/demo; afterwards `aljibe order list` should just work."""
    parent = platform.data / "parent"
    (parent / "demo").mkdir(parents=True)
    for name in ("platform.json", "secrets"):
        (platform.data / name).rename(parent / "demo" / name)

    assert aljibe("order", "list", "--data", str(parent)).code == 0


def test_no_platform_is_one_line_and_3(platform: StubPlatform) -> None:
    (platform.data / "platform.json").unlink()
    absent = platform.aljibe("order", "list")
    (platform.data / "platform.json").write_text("{")
    broken = platform.aljibe("order", "list")
    platform.write({"orders": "127.0.0.1:1"})
    silent = platform.aljibe("order", "list")

    for ran, told in ((absent, "aljibe up"), (broken, "platform.json"), (silent, "does not answer")):
        assert ran.code == 3
        assert len(ran.err.splitlines()) == 1
        assert told in ran.err
