"""What a store tells operations: an incident or a suggestion, as a small state machine.

OPEN ─► ANSWERED ─► CLOSED
  └──────────────────►┘
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.fulfillment.domain.refusals import IncidentClosed


class Kind(StrEnum):
    """Whether something went wrong, or could be better."""

    INCIDENT = "INCIDENT"
    SUGGESTION = "SUGGESTION"


class IncidentState(StrEnum):
    """Where it stands."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


class Category(StrEnum):
    """What it is about."""

    STOCK_WRONG = "STOCK_WRONG"
    PLACEMENT = "PLACEMENT"
    DAMAGED_GOODS = "DAMAGED_GOODS"
    LABEL = "LABEL"
    CARRIER = "CARRIER"
    CUSTOMER = "CUSTOMER"
    CAPACITY = "CAPACITY"
    EQUIPMENT = "EQUIPMENT"
    SAFETY = "SAFETY"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class About:
    """What it is about: a location, and perhaps an order, one of its fulfillment orders, an article."""

    location_id: str
    order_id: str = ""
    fulfillment_order_id: str = ""
    sku: str = ""


@dataclass(slots=True, kw_only=True)
class Incident:
    """What somebody told operations, and what they answered. Change it by its verbs only."""

    incident_id: str
    kind: Kind
    category: Category
    text: str
    wish: str
    about: About
    reporter: str
    report_time: datetime
    state: IncidentState = IncidentState.OPEN
    answer: str = ""
    answerer: str = ""
    answer_time: datetime | None = None
    close_time: datetime | None = None
    version: int = 1

    def reply(self, answer: str, *, now: datetime, actor: str) -> None:
        """OPEN or ANSWERED → ANSWERED; the answer replaces the one before.

        Raises:
            IncidentClosed: nothing more will be done about it.
        """
        self._need_open()
        self.state = IncidentState.ANSWERED
        self.answer, self.answerer, self.answer_time = answer, actor, now
        self.version += 1

    def close(self, *, now: datetime) -> None:
        """OPEN or ANSWERED → CLOSED.

        Raises:
            IncidentClosed: it is already.
        """
        self._need_open()
        self.state = IncidentState.CLOSED
        self.close_time = now
        self.version += 1

    def _need_open(self) -> None:
        if self.state is IncidentState.CLOSED:
            raise IncidentClosed(self.incident_id)
