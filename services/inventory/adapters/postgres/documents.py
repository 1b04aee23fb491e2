"""Documents of every kind in PostgreSQL: looked at, locked and saved kind by kind, in the order of `Kind`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from services.inventory.adapters.postgres import backorders, counts, supplies, transfers
from services.inventory.domain.backorder import Terms
from services.inventory.domain.count import CountSheet
from services.inventory.domain.document import Document, DocumentKey, Kind
from services.inventory.domain.expected import Supply
from services.inventory.domain.needs import Needs
from services.inventory.domain.transfer import Transfer

if TYPE_CHECKING:
    from chassis.postgres import Connection


async def find(conn: Connection, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, Document]:
    """These documents as they are committed, not locked."""
    ids = _by_kind(keys)
    found: list[Document] = []
    if wanted := ids.get(Kind.SUPPLY):
        found += await supplies.find(conn, wanted)
    if wanted := ids.get(Kind.TRANSFER):
        found += await transfers.find(conn, wanted)
    return {one.key: one for one in found}


async def lock(conn: Connection, needs: Needs) -> list[Document]:
    """The documents that are needed, locked in their one order."""
    ids = _by_kind(needs.documents)
    found: list[Document] = []
    if wanted := ids.get(Kind.COUNT):
        found += await counts.lock(conn, wanted, needs.sheet_lines)
    if wanted := ids.get(Kind.SUPPLY):
        found += await supplies.lock(conn, wanted)
    if wanted := ids.get(Kind.TRANSFER):
        found += await transfers.lock(conn, wanted)
    if wanted := ids.get(Kind.TERMS):
        found += await backorders.lock_terms(conn, wanted)
    return found


async def save(conn: Connection, documents: Iterable[Document], *, new: bool) -> None:
    """Write new documents, or what became of locked ones."""
    changed = list(documents)
    if counted := [one for one in changed if isinstance(one, CountSheet)]:
        await counts.save(conn, counted)
    if expected := [one for one in changed if isinstance(one, Supply)]:
        await supplies.save(conn, expected, new=new)
    if moved := [one for one in changed if isinstance(one, Transfer)]:
        await transfers.save(conn, moved)
    if terms := [one for one in changed if isinstance(one, Terms)]:
        await backorders.save_terms(conn, terms, new=new)


def _by_kind(keys: Iterable[DocumentKey]) -> dict[Kind, list[str]]:
    ids: dict[Kind, list[str]] = {}
    for kind, document_id in sorted(keys):
        ids.setdefault(kind, []).append(document_id)
    return ids
