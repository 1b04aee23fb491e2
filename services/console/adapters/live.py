"""Live news: one poll or stream per thing that is watched, however many pages watch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Source = Callable[[], AsyncIterator[T]]


class Hub:
    """Shares what many pages look at. ``key`` must name everything the answer depends on: begin it with the
    page's name and `Person.scope`, as the first watcher's token makes the calls for all.
    """

    def __init__(self) -> None:
        self._feeds: dict[Hashable, _Feed[Any]] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    def watch(
        self, key: Hashable, fetch: Callable[[], Awaitable[T]], seconds: float = 1.0
    ) -> AsyncIterator[T]:
        """What ``fetch`` gives now, and again whenever it differs; asked every ``seconds``.

        Raises, to every watcher, whatever ``fetch`` raises; watching again begins anew.
        """

        async def polled() -> AsyncIterator[T]:
            while True:
                yield await fetch()
                await asyncio.sleep(seconds)

        return self.follow(key, polled)

    async def follow(self, key: Hashable, source: Source[T]) -> AsyncIterator[T]:
        """The same for a stream: what ``source()`` yields, when it differs from what it yielded before."""
        feed: _Feed[T] | None = self._feeds.get(key)
        if feed is None or feed.ended is not None:
            feed = self._feeds[key] = _Feed()
        watcher = feed.join(source)
        seen = 0
        try:
            while True:
                async with feed.changed:
                    while feed.version == seen and feed.ended is None:
                        await feed.changed.wait()
                    if feed.version == seen:
                        if feed.ended is not None and feed.ended.error is not None:
                            raise feed.ended.error
                        return
                    seen, value = feed.version, feed.value
                yield value
        finally:
            if feed.leave(watcher) and self._feeds.get(key) is feed:
                del self._feeds[key]


class _Ended:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Feed(Generic[T]):
    """The newest value of one thing, and the task that the watcher who came first has it asked by."""

    value: T

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.version = 0
        self.ended: _Ended | None = None
        self._sources: dict[object, Source[T]] = {}
        self._leader: object | None = None
        self._task: asyncio.Task[None] | None = None

    def join(self, source: Source[T]) -> object:
        watcher = object()
        self._sources[watcher] = source
        if self._leader is None:
            self._lead(watcher)
        return watcher

    def leave(self, watcher: object) -> bool:
        """Whether nobody watches any more. The next in line leads on with a token of their own."""
        del self._sources[watcher]
        if watcher is self._leader:
            if self._task is not None:
                self._task.cancel()
            self._leader = None
            if self._sources and self.ended is None:
                self._lead(next(iter(self._sources)))
        return not self._sources

    def _lead(self, watcher: object) -> None:
        self._leader = watcher
        self._task = asyncio.get_running_loop().create_task(self._run(self._sources[watcher]))

    async def _run(self, source: Source[T]) -> None:
        ended = _Ended(None)
        try:
            async for value in source():
                if self.version and value == self.value:
                    continue
                async with self.changed:
                    self.value = value
                    self.version += 1
                    self.changed.notify_all()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 (handed on to every watcher, who raises it)
            ended = _Ended(error)
        async with self.changed:
            self.ended = ended
            self.changed.notify_all()
