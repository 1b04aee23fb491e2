"""The page Bus without a browser, against a service that keeps its dead letters in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
import pytest_asyncio

from aljibe.ops.v1 import bus_pb2 as pb
from aljibe.ops.v1 import bus_pb2_grpc
from aljibe.orders.v1 import events_pb2
from services.console.config import Settings
from services.console.tests.conftest import Browser, Open

LETTER = "dlt_01jd8x6k2pf8ma9zq3v7t5n4wc"


@dataclass
class Keeper(bus_pb2_grpc.BusServiceServicer):
    """One service's side of the bus; a letter of which `stubborn` is true fails again."""

    letters: dict[str, Any] = field(default_factory=dict)
    stubborn: bool = False
    asked: list[Any] = field(default_factory=list)
    traces: set[str] = field(default_factory=set)

    async def GetBusState(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.traces.add(dict(context.invocation_metadata())["traceparent"].split("-")[1])
        return pb.GetBusStateResponse(
            service="orders",
            broker_connected=True,
            unpublished_events=3,
            oldest_unpublished_seconds=65,
            open_dead_letters=sum(one.state == pb.DEAD_LETTER_STATE_OPEN for one in self.letters.values()),
            consumers=[
                pb.ConsumerState(
                    consumer="orders-inventory", source_service="inventory", known=True, pending_messages=7
                )
            ],
            stream=pb.StreamState(
                stream="ALJIBE_ORDERS", known=True, messages=12, bytes=1 << 20, max_bytes=1 << 30
            ),
        )

    async def ListDeadLetters(self, request: Any, context: Any) -> Any:  # noqa: N802
        wanted = [one for one in self.letters.values() if request.state in (0, one.state)]
        return pb.ListDeadLettersResponse(dead_letters=wanted)

    async def RedriveDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        if self.stubborn:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Poison: still unreadable")
        letter = self.letters[request.dead_letter_id]
        letter.state = pb.DEAD_LETTER_STATE_REDRIVEN
        return pb.RedriveDeadLetterResponse(dead_letter=letter)

    async def DiscardDeadLetter(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        letter = self.letters[request.dead_letter_id]
        letter.state, letter.note = pb.DEAD_LETTER_STATE_DISCARDED, request.note
        return pb.DiscardDeadLetterResponse(dead_letter=letter)

    async def ReplayOutbox(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return pb.ReplayOutboxResponse(events=1234)


@pytest_asyncio.fixture
async def keeper() -> AsyncIterator[tuple[Keeper, str]]:
    """A service with one open dead letter, and its address."""
    made = Keeper()
    held = events_pb2.OrderHeld(order_id="ord_1", reason="fraud check")
    made.letters[LETTER] = pb.DeadLetter(
        dead_letter_id=LETTER,
        consumer="orders-inventory",
        message_id="evt_1",
        type="aljibe.orders.v1.OrderHeld",
        aggregate_type="order",
        aggregate_id="ord_1",
        error="Poison: <unreadable>",
        payload=held.SerializeToString(),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        state=pb.DEAD_LETTER_STATE_OPEN,
    )
    server = grpc.aio.server()
    bus_pb2_grpc.add_BusServiceServicer_to_server(made, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield made, address
    await server.stop(None)


@pytest_asyncio.fixture
async def browser(open_console: Open, settings: Settings, keeper: tuple[Keeper, str]) -> Browser:
    """An operator's."""
    opened = open_console(replace(settings, orders_address=keeper[1], inventory_address="127.0.0.1:1"))
    await opened.sign_in("operator")
    return opened


async def test_everything_is_on_the_page_once(browser: Browser) -> None:
    """A live region that shares its id with a field would never show its news."""
    page = await browser.get("/bus")

    assert page.status_code == 200
    ids = re.findall(r'\sid="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))
    assert {"letters", "services", "consumers", "streams"} <= set(ids)
    for words in ("Poison: &lt;unreadable&gt;", "fraud check", "orders-inventory", "ALJIBE_ORDERS", "evt_1"):
        assert words in page.text
    assert re.search(r"inventory</th>\s*<td><span[^>]*>away", page.text)


@pytest.mark.parametrize("sampled", ["00", "01"])
async def test_services_are_asked_within_the_trace_of_the_page(
    browser: Browser, keeper: tuple[Keeper, str], sampled: str
) -> None:
    """Also for what comes after the frame; else each call would be a trace of its own."""
    trace = "0af7651916cd43dd8448eb211c80319c"

    await browser.get("/bus", traceparent=f"00-{trace}-b7ad6b7169203331-{sampled}")

    assert keeper[0].traces == {trace}


async def test_a_letter_is_handled_again_once_however_often_the_button_is_pressed(
    browser: Browser, keeper: tuple[Keeper, str]
) -> None:
    page = await browser.get("/bus")
    form = {"request_id": "r-1", "letter": f"orders/{LETTER}", "do": "redrive"}

    await browser.send(page, "/bus/letters", **form)
    await browser.send(page, "/bus/letters", **form)
    after = await browser.get("/bus")

    assert {one.request_id for one in keeper[0].asked} == {f"r-1:{LETTER}"}
    assert "No dead letters" in after.text


async def test_a_letter_that_fails_again_stays_and_says_why(
    browser: Browser, keeper: tuple[Keeper, str]
) -> None:
    keeper[0].stubborn = True
    page = await browser.get("/bus")

    await browser.send(page, "/bus/letters", request_id="r-1", letter=f"orders/{LETTER}", do="redrive")
    after = await browser.get("/bus")

    assert re.search(r"Settled: 0\. Still dead: 1", after.text)
    assert LETTER in after.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "redrive"}, "Choose at least one dead letter."),
        ({"do": "discard", "letter": f"orders/{LETTER}", "note": " "}, "Say why they are given up."),
    ],
)
async def test_nothing_happens_without_a_choice_or_a_reason(
    browser: Browser, keeper: tuple[Keeper, str], fields: dict[str, str], said: str
) -> None:
    page = await browser.get("/bus")

    await browser.send(page, "/bus/letters", request_id="r-1", **fields)

    assert said in (await browser.get("/bus")).text
    assert keeper[0].asked == []


async def test_a_letter_is_given_up_with_a_note_and_stays_on_record(
    browser: Browser, keeper: tuple[Keeper, str]
) -> None:
    page = await browser.get("/bus")
    form = {"request_id": "r-1", "letter": f"orders/{LETTER}", "do": "discard", "note": "sent twice"}

    await browser.send(page, "/bus/letters", **form)

    assert LETTER not in (await browser.get("/bus")).text
    assert "sent twice" in (await browser.get("/bus?letters=any")).text


async def test_a_span_of_the_outbox_is_published_again(browser: Browser, keeper: tuple[Keeper, str]) -> None:
    """Times are those of the person's zone; without a beginning nothing is sent."""
    page = await browser.get("/bus")

    form = {"request_id": "r-1", "service": "orders", "from": "2026-11-22T05:00", "until": "2026-11-22T06:00"}
    await browser.send(page, "/bus/replay", **form)
    said = (await browser.get("/bus")).text
    await browser.send(page, "/bus/replay", request_id="r-2", service="orders")
    refused = (await browser.get("/bus")).text

    (asked,) = keeper[0].asked
    assert asked.recorded_before.seconds - asked.recorded_from.seconds == 3600
    assert "1,234 events of orders are published again." in said
    assert "Choose a service and a span of time." in refused


async def test_an_auditor_is_offered_no_action(
    open_console: Open, settings: Settings, keeper: tuple[Keeper, str]
) -> None:
    auditor = open_console(replace(settings, orders_address=keeper[1]))
    await auditor.sign_in("auditor")

    page = await auditor.get("/bus")

    assert LETTER in page.text
    assert 'type="checkbox"' not in page.text
    assert 'action="/bus/' not in page.text
