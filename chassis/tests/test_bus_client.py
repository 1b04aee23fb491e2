"""The short road through the NATS client: what it relies on in the library, and what it makes of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.js import api

from chassis.bus_client import NO_ANSWER, BusClient, Publication, Publisher, Stored
from chassis.envelope import header_block
from chassis.pull import Delivery
from chassis.streams import close_nats, open_nats

PLENTY = 4.0


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[BusClient]:
    opened = await open_nats(nats_url, "test")
    yield opened
    await close_nats(opened)


def sent(subject: str, id_: str, payload: bytes = b"x") -> Publication:
    return Publication(subject, header_block({"Nats-Msg-Id": id_}), payload)


async def test_each_publication_gets_the_answer_to_it(client: BusClient) -> None:
    """Stored, stored before, refused by us and refused by the broker, all in one batch."""
    js = client.jetstream()
    await js.add_stream(name="ANSWERS", subjects=["answers.>"], storage=api.StorageType.MEMORY)
    publisher = Publisher(client)

    first = await publisher.publish([sent("answers.a", "1"), sent("answers.a", "2")], PLENTY)
    second = await publisher.publish(
        [
            sent("answers.a", "2"),
            sent("answers.b", "3", b"x" * (client.max_payload + 1)),
            sent("answers b", "4"),
            sent("nobody.listens", "5"),
            sent("answers.c", "6"),
        ],
        PLENTY,
    )

    assert first == [Stored(1, False), Stored(2, False)]
    assert second[0] == Stored(2, True)
    assert isinstance(second[1], str)
    assert "more than the broker takes" in second[1]
    assert second[2] == "'answers b' is no subject"
    assert second[3] == "no stream takes it"
    assert second[4] == Stored(3, False)
    read = await js.get_msg("ANSWERS", 3)
    assert read.headers == {"Nats-Msg-Id": "6"}


async def test_silence_ends_with_the_time(client: BusClient) -> None:
    """Somebody takes the message and says nothing: it is given up, and a late answer changes nothing."""
    replies: list[str] = []

    async def quiet(message: object) -> None:
        replies.append(message.reply)  # type: ignore[attr-defined]

    await client.subscribe("silence", cb=quiet)
    publisher = Publisher(client)

    answers = await publisher.publish([sent("silence", "1")], 0.2)
    for reply in replies:
        await client.publish(reply, b'{"stream":"S","seq":9}')
    await client.flush()

    assert replies
    assert answers == [NO_ANSWER]
    assert await publisher.publish([], PLENTY) == []


async def test_what_is_listened_to_comes_as_bytes_until_it_is_not(client: BusClient) -> None:
    heard: list[tuple[bytes, bytes, bytes | None]] = []
    arrived = asyncio.Event()

    def take(subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        heard.append((subject, data, headers))
        arrived.set()

    listening = await client.listen("raw.*", take)
    await client.publish("raw.a", b"1", headers={"A": "b"})
    await asyncio.wait_for(arrived.wait(), PLENTY)
    await client.unlisten(listening)
    await client.publish("raw.a", b"2")
    await client.flush()

    assert heard == [(b"raw.a", b"1", b"NATS/1.0\r\nA: b\r\n\r\n")]


@pytest.mark.parametrize(
    "reply",
    [
        b"$JS.ACK.ALJIBE_SHOP.shelf.2.17.5.1700000000000000000.3",
        b"$JS.ACK.hub.account.ALJIBE_SHOP.shelf.2.17.5.1700000000000000000.3",
        b"$JS.ACK.hub.account.ALJIBE_SHOP.shelf.2.17.5.1700000000000000000.3.token",
    ],
)
async def test_the_ack_subject_tells_where_a_message_stands(client: BusClient, reply: bytes) -> None:
    """Both forms that brokers use, the longer one with a domain and an account before the stream."""
    delivery = Delivery(client, b"s", reply, b"", b"NATS/1.0\r\nce-id: evt_1\r\n\r\n")

    assert (delivery.deliveries, delivery.place) == (2, "ALJIBE_SHOP:17")
    assert delivery.stored_at.timestamp() == 1_700_000_000
    assert delivery.headers == {"ce-id": "evt_1"}
    assert delivery.ack_command() == b"PUB " + reply + b" 0\r\n\r\n"
    assert delivery.settled
