"""One order's life as a person reads it: what happened in which service, oldest first, and what comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby
from types import MappingProxyType

MAX_MOMENTS = 300
"""More are not shown: an order of 200 lines has about as many."""

TIGHT_WITHIN = timedelta(hours=2)
"""So long before the hour a place has to be done by, work that is not done is in danger."""


class Tone(Enum):
    """How a moment is to be taken."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, or is to happen. `kind` names its sentence, `facts` fill it."""

    time: datetime
    service: str
    kind: str
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of sourcing. `parts`: location and units of each."""

    time: datetime
    attempt: int
    trigger: str
    parts: tuple[tuple[str, int], ...]
    short_units: int


@dataclass(frozen=True, slots=True)
class Told:
    """A message to the customer."""

    time: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A line of the stock ledger; `units` below zero left."""

    time: datetime
    sku: str
    location_id: str
    units: int
    cause: str
    document_id: str
    actor: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A fulfillment order. `open_time` None: not known."""

    fulfillment_order_id: str
    location_id: str
    method: str
    open_time: datetime | None
    units: int


@dataclass(frozen=True, slots=True)
class Done:
    """A step: which service did what, whether it was refused, and the trace of it, if there is one."""

    time: datetime
    service: str
    name: str
    location_id: str
    refused: bool
    trace_id: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """Units that the customer brought back; ``scrapped`` ones are not sold again."""

    time: datetime
    return_id: str
    location_id: str
    units: int
    scrapped: bool
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What somebody told operations about the order, and what they answered; None: not yet."""

    time: datetime
    kind: str
    category: str
    location_id: str
    reporter: str
    text: str
    answer_time: datetime | None
    answerer: str
    answer: str
    close_time: datetime | None


@dataclass(frozen=True, slots=True)
class Part:
    """A location's share as far as its promise goes. `outcome`: KEPT, MISSED or empty."""

    location_id: str
    method: str
    promise_time: datetime | None
    due_time: datetime | None
    done_time: datetime | None
    outcome: str
    live: bool = True
    supply_id: str = ""
    """The supply that its units are waited for from."""
    expected_time: datetime | None = None


class Outlook(Enum):
    """Whether what the customer was promised will be kept."""

    KEPT = "kept"
    MISSED = "missed"
    ON_TIME = "on_time"
    TIGHT = "tight"
    LATE = "late"
    OPEN = "open"
    NONE = "none"


_WORST_FIRST = (
    Outlook.LATE,
    Outlook.MISSED,
    Outlook.OPEN,
    Outlook.TIGHT,
    Outlook.ON_TIME,
    Outlook.KEPT,
    Outlook.NONE,
)


def steps(recorded: Sequence[Done], traced: Sequence[Done]) -> list[Done]:
    """What was done, each once: what is ``recorded`` leads to its trace where there is one, and of what is
    ``traced`` only the rest is told.
    """
    known = {(one.service, one.name) for one in recorded}
    of_same: dict[tuple[str, str, str], list[Done]] = {}
    rest = []
    for one in traced:
        if one.refused or (one.service, one.name) not in known:
            rest.append(one)
        else:
            of_same.setdefault((one.service, one.name, one.location_id), []).append(one)
    found = []
    for one in recorded:
        same = of_same.get((one.service, one.name, one.location_id), ())
        nearest = min(same, key=lambda other: abs(other.time - one.time), default=None)
        found.append(replace(one, trace_id=nearest.trace_id) if nearest is not None else one)
    return [*found, *rest]


def outlook_of(part: Part, now: datetime) -> Outlook:
    """Of one part; NONE where nothing is left in it or nothing was promised."""
    if part.outcome:
        return Outlook.KEPT if part.outcome == "KEPT" else Outlook.MISSED
    if not part.live or part.due_time is None:
        return Outlook.NONE
    if part.done_time is not None:
        return Outlook.KEPT if part.done_time <= part.due_time else Outlook.MISSED
    if now > part.due_time:
        return Outlook.LATE
    return Outlook.TIGHT if part.due_time - now < TIGHT_WITHIN else Outlook.ON_TIME


def outlook(parts: Iterable[Part], now: datetime, *, waiting_units: int) -> tuple[Outlook, Part | None]:
    """The worst of all parts, and the part that makes it so (of those alike the one that is due first).

    Units without a location (``waiting_units``) have no promise: OPEN, unless something is late already.
    """
    found: list[tuple[Outlook, Part | None]] = [(outlook_of(part, now), part) for part in parts]
    if waiting_units:
        found.append((Outlook.OPEN, None))
    if not found:
        return Outlook.NONE, None
    return min(found, key=lambda one: (_WORST_FIRST.index(one[0]), _due(one[1])))


def _due(part: Part | None) -> float:
    return part.due_time.timestamp() if part is not None and part.due_time is not None else 0.0


_CAUSE_TONES = {"SHIPMENT": Tone.GOOD, "HAND_OVER": Tone.GOOD, "SHORT_PICK": Tone.BAD, "DAMAGE": Tone.BAD}
_MESSAGE_TONES = {
    "SHIPPED": Tone.GOOD,
    "READY_FOR_PICKUP": Tone.GOOD,
    "SENT_TO_STORE": Tone.GOOD,
    "UNITS_CANCELLED": Tone.WARNING,
    "CHOICE_NEEDED": Tone.WARNING,
    "NOT_COLLECTED": Tone.WARNING,
}
_TRIGGER_TONES = {
    "SHORT_PICK": Tone.BAD,
    "LOST_IN_TRANSIT": Tone.BAD,
    "DISPLACED": Tone.BAD,
    "RESERVATION_LOST": Tone.BAD,
    "STALE_REPLICA": Tone.WARNING,
}
# What happens at the same instant is told in the order in which one thing leads to the next.
_RANKS = (
    "decided",
    "accepted",
    "authorized",
    "opened",
    "done",
    "returned",
    "moved",
    "told",
    "held",
    "reported",
    "promised",
)
_RECEIVED = "ReceiveReturn"


def life(
    *,
    accepted: Moment | None,
    decided: Sequence[Decided] = (),
    opened: Sequence[Opened] = (),
    done: Sequence[Done] = (),
    moved: Sequence[Moved] = (),
    told: Sequence[Told] = (),
    returned: Sequence[Returned] = (),
    reported: Sequence[Reported] = (),
    others: Sequence[Moment] = (),
) -> tuple[Moment, ...]:
    """What happened, oldest first; at most `MAX_MOMENTS`, the newest of them.

    Movements of one document, cause and place within a second are one moment; a return that is known by
    itself is not told again as a step.
    """
    moments: list[tuple[int, Moment]] = []
    if accepted is not None:
        moments.append((_RANKS.index("accepted"), accepted))
    moments += [(_RANKS.index("decided"), _decision(one)) for one in decided]
    moments += [(_RANKS.index("opened"), _opening(one)) for one in opened if one.open_time is not None]
    moments += [
        (_RANKS.index("done"), _step(one))
        for one in done
        if one.refused or not (returned and one.name == _RECEIVED)
    ]
    moments += [(_RANKS.index("returned"), _return(one)) for one in returned]
    moments += [(_RANKS.index("reported"), moment) for one in reported for moment in _report(one)]
    moments += [(_RANKS.index("moved"), one) for one in _movements(moved)]
    moments += [(_RANKS.index("told"), _message(one)) for one in told]
    moments += [(_RANKS.index("held"), one) for one in others]
    moments.sort(key=lambda ranked: (ranked[1].time, ranked[0]))
    return tuple(moment for _, moment in moments[-MAX_MOMENTS:])


def ahead(parts: Iterable[Part], now: datetime) -> tuple[Moment, ...]:
    """What is still to come: by when places have to be done, by when the customer is to have the goods."""
    found = []
    for part in parts:
        if not part.live or part.outcome or part.done_time is not None or part.method == "CARRY_OUT":
            continue
        facts = {"location": part.location_id, "method": part.method}
        if part.due_time is not None:
            tone = Tone.BAD if part.due_time < now else Tone.PLAIN
            found.append(Moment(part.due_time, "fulfillment", "due", facts, tone))
        if part.promise_time is not None and part.promise_time != part.due_time:
            found.append(Moment(part.promise_time, "orders", "promised", facts))
    return tuple(sorted(found, key=lambda one: one.time))


def _decision(one: Decided) -> Moment:
    kind = "short" if one.short_units and not one.parts else "sourced" if one.attempt == 1 else "resourced"
    facts = {"attempt": one.attempt, "trigger": one.trigger, "parts": one.parts, "short": one.short_units}
    return Moment(one.time, "orders", kind, facts, _TRIGGER_TONES.get(one.trigger, Tone.PLAIN))


def _opening(one: Opened) -> Moment:
    assert one.open_time is not None
    facts = {
        "location": one.location_id,
        "method": one.method,
        "units": one.units,
        "work": one.fulfillment_order_id,
    }
    return Moment(one.open_time, "fulfillment", "opened", facts)


def _step(one: Done) -> Moment:
    facts = {
        "name": one.name,
        "location": one.location_id,
        "refused": one.refused,
        "trace": one.trace_id,
        "actor": one.actor,
    }
    return Moment(one.time, one.service, "step", facts, Tone.BAD if one.refused else Tone.PLAIN)


def _return(one: Returned) -> Moment:
    facts = {
        "location": one.location_id,
        "units": one.units,
        "scrapped": one.scrapped,
        "reason": one.reason,
        "actor": one.actor,
    }
    return Moment(one.time, "fulfillment", "returned", facts, Tone.WARNING)


def _report(one: Reported) -> list[Moment]:
    facts = {
        "told": one.kind,
        "category": one.category,
        "location": one.location_id,
        "actor": one.reporter,
        "text": one.text,
    }
    found = [Moment(one.time, "fulfillment", "reported", facts, Tone.WARNING)]
    if one.answer_time is not None:
        answered = {"location": one.location_id, "actor": one.answerer, "text": one.answer}
        found.append(Moment(one.answer_time, "fulfillment", "answered", answered))
    if one.close_time is not None:
        closed = {"location": one.location_id}
        found.append(Moment(one.close_time, "fulfillment", "closed", closed, Tone.GOOD))
    return found


def _message(one: Told) -> Moment:
    facts = {"message": one.kind, "text": one.text}
    return Moment(one.time, "orders", "message", facts, _MESSAGE_TONES.get(one.kind, Tone.PLAIN))


def _movements(moved: Sequence[Moved]) -> list[Moment]:
    def together(one: Moved) -> tuple[object, ...]:
        return one.time.replace(microsecond=0), one.document_id, one.cause, one.location_id, one.actor

    found = []
    for _, group in groupby(sorted(moved, key=lambda one: (*map(str, together(one)), one.sku)), together):
        lines = list(group)
        first = min(lines, key=lambda one: one.time)
        facts = {
            "cause": first.cause,
            "location": first.location_id,
            "units": sum(one.units for one in lines),
            "items": tuple((one.sku, one.units) for one in lines),
            "document": first.document_id,
            "actor": first.actor,
        }
        tone = _CAUSE_TONES.get(first.cause, Tone.PLAIN)
        found.append(Moment(first.time, "inventory", "moved", facts, tone))
    return found
