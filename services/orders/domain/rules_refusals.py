"""What is refused about the versions of the rules of sourcing, each class with its facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.orders.domain.refusals import Refusal


@dataclass(eq=False)
class RulesUnknown(Refusal):
    """There are no rules of this number."""

    number: int

    def __str__(self) -> str:
        return f"there are no sourcing rules {self.number}"


@dataclass(eq=False)
class RulesNotDraft(Refusal):
    """The rules were activated, so that decisions may refer to them; they are changed by a new draft."""

    number: int

    def __str__(self) -> str:
        return f"sourcing rules {self.number} were activated and stay as they are; create a new draft"


@dataclass(eq=False)
class RulesChanged(Refusal):
    """Somebody changed the rules since the caller read them."""

    number: int
    revision: int
    expected_revision: int

    def __str__(self) -> str:
        return (
            f"sourcing rules {self.number} are at revision {self.revision}, not {self.expected_revision}; "
            f"read them again"
        )


@dataclass(eq=False)
class RulesNeverActive(Refusal):
    """Going back leads to rules that held before; these never did."""

    number: int

    def __str__(self) -> str:
        return f"sourcing rules {self.number} never held, so that there is nothing to go back to"


@dataclass(eq=False)
class EffectivePeriodPast(Refusal):
    """The rules would hold from a moment that is over: orders were decided without them."""

    effective_from: datetime
    now: datetime

    def __str__(self) -> str:
        return f"{self.effective_from.isoformat()} is over; it is {self.now.isoformat()}"


@dataclass(eq=False)
class EffectivePeriodInvalid(Refusal):
    """The period ends before it begins, or is more than two years ahead."""

    effective_from: datetime
    effective_until: datetime | None

    def __str__(self) -> str:
        until = self.effective_until.isoformat() if self.effective_until is not None else "open"
        return (
            f"rules cannot hold from {self.effective_from.isoformat()} until {until}: a period begins before "
            f"it ends, within two years"
        )


@dataclass(eq=False)
class EffectivePeriodOverlaps(Refusal):
    """Other rules are planned for part of the period."""

    number: int
    effective_from: datetime
    effective_until: datetime | None

    def __str__(self) -> str:
        until = f" until {self.effective_until.isoformat()}" if self.effective_until is not None else ""
        return (
            f"sourcing rules {self.number} are planned from {self.effective_from.isoformat()}{until}; "
            f"end before that, or replace what is planned"
        )


@dataclass(eq=False)
class TooManyPeriodsPlanned(Refusal):
    """So many periods lie ahead that nobody overlooks them."""

    most: int

    def __str__(self) -> str:
        return f"at most {self.most} periods of sourcing rules can be planned"
