from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.console.adapters.live import Hub


class Source:
    """Something to ask, that counts how often it was."""

    def __init__(self, value: int = 1) -> None:
        self.value = value
        self.asked = 0
        self.error: Exception | None = None

    async def fetch(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.value


async def test_all_who_watch_the_same_share_one_poll() -> None:
    hub, source, other = Hub(), Source(), Source(9)

    first, second = (hub.watch("key", one.fetch, seconds=0.01) for one in (source, other))
    values = [await anext(first), await anext(second)]

    assert values == [1, 1]
    assert other.asked == 0
    assert len(hub) == 1


async def test_only_what_changed_is_told() -> None:
    hub, source = Hub(), Source()
    watching = hub.watch("key", source.fetch, seconds=0.001)
    await anext(watching)

    again = asyncio.ensure_future(anext(watching))
    while source.asked < 5:
        await asyncio.sleep(0)
    assert not again.done()
    source.value = 2

    assert await again == 2


async def test_when_the_first_leaves_the_next_one_asks_with_their_own_means() -> None:
    hub, source, other = Hub(), Source(), Source(2)
    first, second = (hub.watch("key", one.fetch, seconds=0.001) for one in (source, other))
    await anext(first)
    await anext(second)

    await first.aclose()  # type: ignore[attr-defined]

    assert await anext(second) == 2
    assert other.asked >= 1


async def test_when_nobody_watches_nothing_is_asked() -> None:
    hub, source = Hub(), Source()
    watching = hub.watch("key", source.fetch, seconds=0.001)
    await anext(watching)

    await watching.aclose()  # type: ignore[attr-defined]
    asked = source.asked
    for _ in range(20):
        await asyncio.sleep(0.001)

    assert source.asked == asked
    assert len(hub) == 0


async def test_a_failure_reaches_every_watcher_and_watching_again_begins_anew() -> None:
    hub, source = Hub(), Source()
    source.error = ConnectionError("away")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            await anext(hub.watch("key", source.fetch))
    source.error = None

    assert await anext(hub.watch("key", source.fetch)) == 1


async def test_a_stream_is_followed_once_and_ends_for_all() -> None:
    hub = Hub()
    opened = 0

    async def stream() -> AsyncIterator[str]:
        nonlocal opened
        opened += 1
        yield "a"
        yield "a"
        yield "b"

    seen = [value async for value in hub.follow("key", stream)]

    assert seen[-1] == "b"
    assert opened == 1
