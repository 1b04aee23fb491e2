"""A version of the rules of sourcing, and an entry of its history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_refusals import RulesChanged, RulesNotDraft
from services.orders.domain.rules_timeline import BUILT_IN, Period

Difference = tuple[str, str, str]
"""Path, JSON before, JSON after; empty where the value is not there."""


class State(StrEnum):
    """Where a version is in its life."""

    DRAFT = "DRAFT"
    PLANNED = "PLANNED"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class ChangeKind(StrEnum):
    """What was done to a version."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    ACTIVATED = "ACTIVATED"
    ROLLED_BACK = "ROLLED_BACK"


@dataclass(frozen=True, slots=True)
class Version:
    """Rules under a number, with who did what to them; 0 is what the settings make."""

    number: int
    rules: SourcingRules
    revision: int = 0
    note: str = ""
    created_by: str = ""
    created_at: datetime | None = None
    updated_by: str = ""
    updated_at: datetime | None = None
    activated_by: str = ""
    activated_at: datetime | None = None
    periods: tuple[Period, ...] = ()

    def state(self, now: datetime, current_number: int) -> State:
        """Where it is, when `current_number` holds."""
        if current_number == self.number:
            return State.ACTIVE
        if any(one.starts > now for one in self.periods):
            return State.PLANNED
        if self.activated_at is None and self.number != BUILT_IN:
            return State.DRAFT
        return State.RETIRED

    def edited(
        self, rules: SourcingRules, expected_revision: int, note: str, by: str, at: datetime
    ) -> Version:
        """The draft with another content.

        Raises:
            RulesNotDraft: decisions may refer to it.
            RulesChanged: somebody else changed it meanwhile.
        """
        if self.activated_at is not None:
            raise RulesNotDraft(self.number)
        self.expect(expected_revision)
        return replace(
            self,
            rules=rules,
            revision=self.revision + 1,
            note=note or self.note,
            updated_by=by,
            updated_at=at,
        )

    def activated(self, by: str, at: datetime) -> Version:
        """The same, from now on unchangeable."""
        return replace(self, activated_by=by, activated_at=at)

    def expect(self, revision: int) -> None:
        """Raises RulesChanged when it is at another revision."""
        if revision != self.revision:
            raise RulesChanged(self.number, self.revision, revision)

    def expect_content(self, rules: SourcingRules) -> None:
        """Raises RulesChanged when it has another content than these."""
        if rules != self.rules:
            raise RulesChanged(self.number, self.revision, self.revision - 1)


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the history."""

    change_number: int
    number: int
    kind: ChangeKind
    actor: str
    time: datetime
    note: str
    revision: int
    rules_version: str
    differences: tuple[Difference, ...]
    period: Period | None = None
