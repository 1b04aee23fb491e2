"""Terms of backorders as commands to the book: set and remove."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.inventory.domain.backorder import Mode, Terms, terms_key
from services.inventory.domain.book import Book
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import TermsInvalid, TermsUnknown


@dataclass(slots=True, frozen=True)
class SetTerms:
    """Set terms, each in place of those of its SKU and channel; what is promised already stands."""

    terms: tuple[Terms, ...]
    """Each SKU and channel once."""

    def needs(self, needs: Needs) -> None:
        """Those that stand."""
        needs.documents.update(one.key for one in self.terms)

    def apply(self, book: Book) -> list[Terms]:
        """Set.

        Raises:
            TermsInvalid: none is set.
        """
        for one in self.terms:
            if (one.mode is Mode.PREORDER) != (one.release_time is not None):
                raise TermsInvalid(one.sku, one.channel_id)
        return [_put(book, one) for one in self.terms]


@dataclass(slots=True, frozen=True)
class RemoveTerms:
    """End terms; nothing more is promised on them."""

    names: tuple[tuple[str, str], ...]
    """SKU and channel, each once."""

    def needs(self, needs: Needs) -> None:
        """Those that stand."""
        needs.documents.update(terms_key(*name) for name in self.names)

    def apply(self, book: Book) -> int:
        """Remove; gives how many.

        Raises:
            TermsUnknown: one of them does not stand; none is removed.
        """
        gone = [Terms(sku, channel_id, Mode.NONE) for sku, channel_id in self.names]
        for one in gone:
            found = book.documents.get(one.key)
            if not isinstance(found, Terms) or found.mode is Mode.NONE:
                raise TermsUnknown(one.sku, one.channel_id)
        for one in gone:
            # A row stays, so that whoever keeps copies hears of it by a higher version.
            _put(book, one)
        return len(gone)


def _put(book: Book, wanted: Terms) -> Terms:
    found = book.documents.get(wanted.key)
    if not isinstance(found, Terms):
        made = replace(wanted)
        book.open(made)
        return made
    found.mode, found.release_time = wanted.mode, wanted.release_time
    found.furthest_days, found.share_percent = wanted.furthest_days, wanted.share_percent
    found.unasked = wanted.unasked
    book.amend(found)
    return found
