"""Channel controls as commands to the book: set, remove, and have replicas told when time has changed one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from services.inventory.domain.book import Book
from services.inventory.domain.control import EVERY_CHANNEL, Control, ControlChanged, Opening, Rules
from services.inventory.domain.needs import Needs
from services.inventory.domain.refusals import ControlEmpty, PeriodInvalid

Named = tuple[str, str]
"""SKU and channel."""


@dataclass(slots=True, frozen=True)
class SetControls:
    """Set controls, each in place of the one before.

    To be posted alone: what it begins to count with was read before anything else of its group.
    """

    settings: tuple[tuple[Named, Rules], ...]
    """Each SKU and channel once."""

    def needs(self, needs: Needs) -> None:
        """The pools, guarded from now on, and what was promised before."""
        for (sku, channel_id), _ in self.settings:
            needs.guards.add(sku)
            needs.controls.add((sku, channel_id))
            needs.controls.add((sku, EVERY_CHANNEL))

    def apply(self, book: Book) -> list[Control]:
        """Set.

        Raises:
            ControlEmpty, PeriodInvalid.
        """
        for named, rules in self.settings:
            _check(named, rules)
        return [self._set(book, named, rules) for named, rules in self.settings]

    def _set(self, book: Book, named: Named, rules: Rules) -> Control:
        sku, channel_id = named
        pool = book.pools[sku]
        if EVERY_CHANNEL not in pool.controls:
            book.put_control(pool, _begun(book, (sku, EVERY_CHANNEL), None, None))
        control = pool.controls.get(channel_id)
        before = control.rules if control is not None else None
        if control is None or before is None or before.valid_from != rules.valid_from:
            control = _begun(book, named, rules, control)
        control.rules = rules
        book.put_control(pool, control)
        _tell(book, control)
        return control


@dataclass(slots=True, frozen=True)
class RemoveControls:
    """End controls; the channel is as if it had none."""

    named: tuple[Named, ...]

    def needs(self, needs: Needs) -> None:
        """The pools."""
        needs.guards.update(sku for sku, _ in self.named)

    def apply(self, book: Book) -> list[Control]:
        """Remove.

        Raises:
            ControlUnknown: one of them does not stand; none is removed.
        """
        found = [book.control(*one) for one in self.named]
        for control in found:
            control.rules = None
            book.put_control(book.pools[control.sku], control)
            _tell(book, control)
        return found


@dataclass(slots=True, frozen=True)
class TellControls:
    """Time alone has changed what a SKU's controls mean: replicas hear of it."""

    sku: str

    def needs(self, needs: Needs) -> None:
        """The pool."""
        needs.guards.add(self.sku)

    def apply(self, book: Book) -> bool:
        """Nothing to decide: whoever saves a book tells what its controls say at its moment."""
        return True


def _begun(book: Book, named: Named, rules: Rules | None, before: Control | None) -> Control:
    """A control that begins to count now, or when it becomes valid."""
    counted_from = book.now
    if rules is not None and rules.valid_from is not None:
        counted_from = max(counted_from, rules.valid_from)
    opening = book.opening.get(named, Opening())
    # What was made later than now bears the time of a clock ahead of ours; none is ahead by a whole validity.
    counts = opening if counted_from == book.now else Opening(opening.held_units)
    control = before or Control(*named, rules, counted_from)
    control.counted_from = counted_from
    control.held_units = counts.held_units
    control.promised_units, control.taken_units = counts.promised_units, counts.taken_units
    return control


def _tell(book: Book, control: Control) -> None:
    book.events.append(
        ControlChanged(control.sku, control.channel_id, control.next_sequence(), control.rules)
    )


def _check(named: Named, rules: Rules) -> None:
    if rules.buffer is None and rules.ring_fence is None and rules.cap is None:
        raise ControlEmpty(*named)
    times = [time for time in (rules.valid_from, rules.release_time, rules.valid_until) if time is not None]
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise PeriodInvalid(*named)
