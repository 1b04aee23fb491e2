"""Lists that services give a page at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
PAGE = 200


class Paged(Protocol):
    """A request for a page of a list."""

    page_size: int
    page_token: str


async def at_most(
    limit: int, request: Paged, page: Callable[[], Awaitable[tuple[Sequence[T], str]]]
) -> tuple[list[T], bool]:
    """At most so many, and whether there are more. `page()` asks for what `request` says, and gives what came
    and the next page's token.
    """
    found: list[T] = []
    while True:
        request.page_size = min(PAGE, limit - len(found))
        some, request.page_token = await page()
        found += some
        if not request.page_token or len(found) >= limit:
            return found, bool(request.page_token)
