"""The pages and who may see them. A page that nobody has registered is not in the menu."""

from __future__ import annotations

from dataclasses import dataclass

OPERATOR = "operator"
AUDITOR = "auditor"
PLANNER = "planner"
MERCHANDISER = "merchandiser"
ASSOCIATE = "associate"
CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the menu; its words are ``menu.<name>``, its icon ``icons.svg#<name>``."""

    name: str
    roles: tuple[str, ...]
    needs: str = ""
    """A service without whose address there is nothing to show."""

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/{self.name}"


MENU: tuple[Entry, ...] = (
    Entry("today", (OPERATOR, AUDITOR), needs="insights"),
    Entry("store", (ASSOCIATE, OPERATOR, AUDITOR)),
    Entry("orders", (OPERATOR, AUDITOR, CHANNEL)),
    Entry("stock", (OPERATOR, AUDITOR, PLANNER, MERCHANDISER, ASSOCIATE)),
    Entry("sourcing", (OPERATOR, AUDITOR, PLANNER)),
    Entry("traces", (OPERATOR, AUDITOR, PLANNER), needs="telemetry"),
    Entry("bus", (OPERATOR, AUDITOR)),
    Entry("system", (OPERATOR, AUDITOR)),
)


def roles_of(name: str) -> tuple[str, ...]:
    """Who may see the page of that name."""
    return next(entry.roles for entry in MENU if entry.name == name)
