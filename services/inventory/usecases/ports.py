"""What the use cases ask of the world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from services.inventory.domain.book import Book
from services.inventory.domain.needs import Needs
from services.inventory.domain.plain import Granted, NotPlain, Plain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a request, kept with its effect."""

    key: str
    fingerprint: bytes
    response: bytes


class Transaction(Protocol):
    """One transaction over the stock. Everything in it stands together or not at all."""

    async def answers(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        """Those of these requests that were answered before."""

    async def load(self, needs: Needs, *, skip_locked: bool = False) -> Book:
        """Lock what is needed, in the one lock order, and give it as it is now.

        With `skip_locked`, reservations that somebody else holds are left out.
        """

    async def save(self, book: Book, traces: Sequence[str | None]) -> Sequence[Any]:
        """Write what changed in the book, and its events; `traces` has the trace context of each event.

        Returns:
            The events as the relay takes them after the commit.
        """

    async def keep(self, answers: Sequence[Answer]) -> None:
        """Keep answers for repeats. If somebody answered the same request meanwhile, the transaction begins
        again.
        """


class StockStore(Protocol):
    """Where stock is kept."""

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What `work` returns, committed; `work` runs again, from the start, when others were in its way."""

    async def grant(self, reservations: Plain) -> Granted | NotPlain:
        """Grant plain reservations, committed, as the book would; or none of them, and say which are for the
        book.
        """
