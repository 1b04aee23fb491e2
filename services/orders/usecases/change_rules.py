"""Versions of the rules: create, change, activate, go back. Each within a transaction that holds the lock of
the timeline, so that two planners are one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.orders.domain.rules import SourcingRules
from services.orders.domain.rules_document import differences
from services.orders.domain.rules_refusals import RulesNeverActive
from services.orders.domain.rules_timeline import BUILT_IN, Period, activate, number_at
from services.orders.domain.rules_version import Change, ChangeKind, Difference, Version


class RulesTables(Protocol):
    """The stored versions, inside a transaction that nobody else changes rules in."""

    async def version(self, number: int) -> Version:
        """One version; 0: the built-in rules.

        Raises:
            RulesUnknown: there is none.
        """
        ...

    async def next_numbers(self) -> tuple[int, int]:
        """The next number of a version, and of a change."""
        ...

    async def save(self, version: Version) -> None:
        """Write a version; its periods are written by `plan`."""
        ...

    async def periods(self) -> tuple[Period, ...]:
        """The whole timeline, oldest first."""
        ...

    async def plan(self, before: Sequence[Period], after: Sequence[Period]) -> None:
        """Write the timeline where it differs."""
        ...

    async def tell(self, change: Change) -> None:
        """Add to the history, and tell the other instances."""
        ...


async def create_rules(
    tables: RulesTables, rules: SourcingRules, note: str, actor: str, now: datetime
) -> Version:
    """A new draft."""
    number, _ = await tables.next_numbers()
    version = Version(number, rules, 1, note, actor, now, actor, now)
    await tables.save(version)
    await _tell(tables, version, ChangeKind.CREATED, actor, now, note, ())
    return version


async def update_rules(
    tables: RulesTables,
    number: int,
    expected_revision: int,
    rules: SourcingRules,
    note: str,
    actor: str,
    now: datetime,
) -> Version:
    """The draft with another content.

    Raises:
        RulesUnknown, RulesNotDraft, RulesChanged: nothing is changed.
    """
    before = await tables.version(number)
    version = before.edited(rules, expected_revision, note, actor, now)
    await tables.save(version)
    changed = differences(before.rules, rules)
    await _tell(tables, version, ChangeKind.UPDATED, actor, now, note, changed)
    return version


async def activate_rules(
    tables: RulesTables,
    number: int,
    expected_revision: int,
    period: tuple[datetime | None, datetime | None],
    note: str,
    actor: str,
    now: datetime,
    *,
    replace_planned: bool,
) -> Version:
    """The version holds in `period`; an expected revision of 0 takes whichever there is.

    Raises:
        RulesUnknown, RulesChanged, EffectivePeriodPast, EffectivePeriodInvalid, EffectivePeriodOverlaps,
        TooManyPeriodsPlanned: nothing is changed.
    """
    version = await tables.version(number)
    if expected_revision:
        version.expect(expected_revision)
    starts, ends = period
    return await _hold(
        tables, version, starts or now, ends, ChangeKind.ACTIVATED, note, actor, now, replace_planned
    )


async def roll_back_rules(tables: RulesTables, number: int, note: str, actor: str, now: datetime) -> Version:
    """A version that held before holds again from now on; what is planned is dropped.

    Raises:
        RulesUnknown, RulesNeverActive: nothing is changed.
    """
    version = await tables.version(number)
    held = any(one.number == number and one.starts <= now for one in await tables.periods())
    if number != BUILT_IN and not held:
        raise RulesNeverActive(number)
    return await _hold(tables, version, now, None, ChangeKind.ROLLED_BACK, note, actor, now, True)


async def _hold(
    tables: RulesTables,
    version: Version,
    starts: datetime,
    ends: datetime | None,
    kind: ChangeKind,
    note: str,
    actor: str,
    now: datetime,
    replace_planned: bool,
) -> Version:
    before = await tables.periods()
    after = activate(before, version.number, starts, ends, now, replace_planned=replace_planned)
    replaced = await tables.version(number_at(before, starts))
    version = version.activated(actor, now)
    await tables.save(version)
    await tables.plan(before, after)
    changed = differences(replaced.rules, version.rules)
    period = Period(starts, ends, version.number)
    await _tell(tables, version, kind, actor, now, note, changed, period)
    return await tables.version(version.number)


async def _tell(
    tables: RulesTables,
    version: Version,
    kind: ChangeKind,
    actor: str,
    now: datetime,
    note: str,
    changed: Sequence[Difference],
    period: Period | None = None,
) -> None:
    _, change_number = await tables.next_numbers()
    await tables.tell(
        Change(
            change_number,
            version.number,
            kind,
            actor,
            now,
            note,
            version.revision,
            version.rules.version,
            tuple(changed),
            period,
        )
    )
