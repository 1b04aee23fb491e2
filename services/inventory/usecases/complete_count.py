"""Complete a count: its differences are booked a chunk a transaction, so that a full count of a large
location never holds many positions at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from services.inventory.domain.book import Command
from services.inventory.domain.count import BeginCompletion, BookCount, CountState

COUNT_CHUNK = 500


async def book_differences(
    post: Callable[[Command[Any]], Awaitable[Any]],
    find: Callable[[str, bool, int], Awaitable[Mapping[str, int]]],
    begin: BeginCompletion,
    *,
    actor: str,
    missing_are_zero: bool,
) -> None:
    """Close the sheet for recording and book every difference that is not booked yet.

    `find` gives SKUs of lines that wait, with the units that each difference takes. Whoever comes again after
    a break finds only what is left.

    Raises:
        Refusal: see `BeginCompletion` and `BookCount`.
    """
    if (await post(begin)).state is not CountState.COMPLETING:
        return
    while waiting := await find(begin.count_id, missing_are_zero, COUNT_CHUNK):
        if not await post(BookCount(begin.count_id, begin.location_id, waiting, actor, missing_are_zero)):
            return
