"""What an operator can do about dead letters and the outbox, through the servicer itself."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from aljibe.ops.v1 import bus_pb2 as pb
from chassis import bus_admin
from chassis.bus_admin import BusServicer
from chassis.consumer import Poison
from chassis.envelope import Incoming
from chassis.postgres import Connection
from chassis.refusals import DeadLetterSettled, InvalidArgument, NotFound, RedriveFailed
from chassis.tests.bus_kit import bus, event, eventually, write_down


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_admin, "current_principal", lambda: SimpleNamespace(subject="ana"))


async def test_dead_letters_are_listed_redriven_and_discarded(fresh_database: str, nats_url: str) -> None:
    """A dead letter is work for a person: seen, handled again exactly once, or given up with a reason."""
    broken = True

    async def handle(conn: Connection, messages: Sequence[Incoming]) -> None:
        if broken:
            await write_down(conn, messages)
            raise Poison("no such product")
        await write_down(conn, messages)

    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        consumer = kit.consumer(handle)
        servicer = BusServicer("shelf", kit.shelf, kit.client, kit.relay, [consumer])
        kit.start(consumer.run)
        await kit.place([event("ord_1", 1), event("ord_2", 1), event("ord_3", 1)])

        async def all_dead() -> bool:
            state = await servicer.GetBusState(pb.GetBusStateRequest(), None)  # type: ignore[arg-type]
            return bool(state.open_dead_letters == 3)

        assert await eventually(all_dead)

        state = await servicer.GetBusState(pb.GetBusStateRequest(), None)  # type: ignore[arg-type]
        assert (state.stream.known, state.stream.messages) == (True, 3)
        assert 0 < state.stream.bytes < state.stream.max_bytes
        page = await servicer.ListDeadLetters(pb.ListDeadLettersRequest(page_size=2), None)  # type: ignore[arg-type]
        rest = await servicer.ListDeadLetters(
            pb.ListDeadLettersRequest(page_size=2, page_token=page.next_page_token),
            None,  # type: ignore[arg-type]
        )
        letters = [*page.dead_letters, *rest.dead_letters]
        assert len(letters) == 3
        assert {one.error for one in letters} == {"Poison: no such product"}

        redrive = pb.RedriveDeadLetterRequest(dead_letter_id=letters[0].dead_letter_id, request_id="r1")
        with pytest.raises(RedriveFailed, match="no such product"):
            await servicer.RedriveDeadLetter(redrive, None)  # type: ignore[arg-type]
        assert await kit.heard() == []

        broken = False
        first = await servicer.RedriveDeadLetter(redrive, None)  # type: ignore[arg-type]
        again = await servicer.RedriveDeadLetter(redrive, None)  # type: ignore[arg-type]
        assert first == again
        assert (first.dead_letter.state, first.dead_letter.settled_by) == (
            pb.DEAD_LETTER_STATE_REDRIVEN,
            "ana",
        )
        assert len(await kit.heard()) == 1
        with pytest.raises(DeadLetterSettled):
            await servicer.RedriveDeadLetter(
                pb.RedriveDeadLetterRequest(dead_letter_id=letters[0].dead_letter_id, request_id="r2"),
                None,  # type: ignore[arg-type]
            )

        discarded = await servicer.DiscardDeadLetter(
            pb.DiscardDeadLetterRequest(
                dead_letter_id=letters[1].dead_letter_id, request_id="r3", note="never sold"
            ),
            None,  # type: ignore[arg-type]
        )
        assert discarded.dead_letter.note == "never sold"
        with pytest.raises(NotFound):
            await servicer.DiscardDeadLetter(
                pb.DiscardDeadLetterRequest(dead_letter_id="dlt_none", request_id="r4", note="x"),
                None,  # type: ignore[arg-type]
            )


async def test_the_outbox_is_replayed_on_demand(fresh_database: str, nats_url: str) -> None:
    """A consumer that was added late gets what the stream has forgotten."""
    async with bus(fresh_database, nats_url) as kit:
        kit.start(kit.relay.run)
        servicer = BusServicer("shop", kit.shop, kit.client, kit.relay, [])
        await kit.place([event("ord_1", 1), event("ord_2", 1)])
        assert await kit.relay.idle()
        await kit.client.jetstream().purge_stream("ALJIBE_SHOP")

        answer = await servicer.ReplayOutbox(pb.ReplayOutboxRequest(request_id="r1"), None)  # type: ignore[arg-type]
        repeat = await servicer.ReplayOutbox(pb.ReplayOutboxRequest(request_id="r1"), None)  # type: ignore[arg-type]
        kit.start(kit.consumer().run)

        assert answer.events == repeat.events == 2
        assert len(await kit.until_heard(2)) == 2


async def test_another_services_name_is_refused(fresh_database: str, nats_url: str) -> None:
    """The gateway chooses the target by this field; a wrong turn must not act on the wrong outbox."""
    async with bus(fresh_database, nats_url) as kit:
        servicer = BusServicer("shop", kit.shop, kit.client, kit.relay, [])

        with pytest.raises(InvalidArgument, match="this is shop"):
            await servicer.GetBusState(pb.GetBusStateRequest(service="shelf"), None)  # type: ignore[arg-type]
