"""Every no that inventory can say to a caller, with the facts behind it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SHORTAGES = 10


class Refusal(Exception):
    """Base of all: a clear answer, not a failure."""


@dataclass(eq=False)
class LocationUnknown(Refusal):
    """No such location."""

    location_id: str

    def __str__(self) -> str:
        return f"there is no location {self.location_id!r}"


@dataclass(eq=False)
class LocationInactive(Refusal):
    """The location takes no new orders for now."""

    location_id: str

    def __str__(self) -> str:
        return f"location {self.location_id} takes no orders now"


@dataclass(eq=False)
class TimeZoneUnknown(Refusal):
    """Not a name of the IANA time zone database."""

    location_id: str
    time_zone: str

    def __str__(self) -> str:
        return f"location {self.location_id}: there is no time zone {self.time_zone!r}"


@dataclass(eq=False)
class CapabilityNotPossible(Refusal):
    """A location of this kind cannot have the capability."""

    location_id: str
    capability: str

    def __str__(self) -> str:
        return f"location {self.location_id} cannot have the capability {self.capability}"


@dataclass(eq=False)
class HoursInvalid(Refusal):
    """An opening interval ends before it begins, or two of a day overlap."""

    location_id: str
    weekday: int

    def __str__(self) -> str:
        return (
            f"location {self.location_id}: hours of weekday {self.weekday} end before they begin or overlap"
        )


@dataclass(eq=False)
class HolidayInvalid(Refusal):
    """No such date, or an interval of it ends before it begins, or two overlap."""

    location_id: str
    date: str

    def __str__(self) -> str:
        return (
            f"location {self.location_id}: holiday {self.date} is no date, or its hours end early or overlap"
        )


@dataclass(eq=False)
class HandoverNotPossible(Refusal):
    """A location that sends parcels is closed on each weekday on which carriers would collect them."""

    location_id: str

    def __str__(self) -> str:
        return f"location {self.location_id} sends parcels but is closed on all of its handover days"


@dataclass(slots=True, frozen=True)
class Shortage:
    """One pick that cannot be met."""

    sku: str
    location_id: str
    """Empty: all locations together, of which baskets hold the rest."""
    requested_units: int
    available_units: int


@dataclass(eq=False)
class InsufficientStock(Refusal):
    """At least one pick asks for more than may be promised there; nothing was reserved."""

    shortages: tuple[Shortage, ...]
    """The first `MAX_SHORTAGES`: an answer has limited room."""
    shortage_count: int

    def __str__(self) -> str:
        worst = self.shortages[0]
        more = f" and {self.shortage_count - 1} more" if self.shortage_count > 1 else ""
        place = f" at {worst.location_id}" if worst.location_id else ""
        return (
            f"{worst.requested_units} of {worst.sku} were asked for{place}, "
            f"{worst.available_units} can be promised{more}"
        )


@dataclass(eq=False)
class PickDuplicate(Refusal):
    """The same SKU at the same location stands twice among the picks."""

    sku: str
    location_id: str

    def __str__(self) -> str:
        return f"{self.sku} at {self.location_id} stands twice among the picks"


@dataclass(eq=False)
class LineDuplicate(Refusal):
    """The same position stands twice in a load."""

    sku: str
    location_id: str

    def __str__(self) -> str:
        return f"{self.sku} at {self.location_id} stands twice in this chunk"


@dataclass(eq=False)
class ReservationUnknown(Refusal):
    """No such reservation."""

    reservation_id: str

    def __str__(self) -> str:
        return f"there is no reservation {self.reservation_id!r}"


@dataclass(eq=False)
class ReservationEnded(Refusal):
    """The reservation keeps nothing any more; another attempt is needed."""

    reservation_id: str
    order_id: str
    attempt: int
    state: str

    def __str__(self) -> str:
        return (
            f"reservation {self.reservation_id} (attempt {self.attempt} of {self.order_id}) is {self.state}"
        )


@dataclass(eq=False)
class ReservationDiffers(Refusal):
    """This attempt of the order reserved other quantities before."""

    reservation_id: str
    order_id: str
    attempt: int

    def __str__(self) -> str:
        return (
            f"attempt {self.attempt} of {self.order_id} reserved other quantities before"
            f" ({self.reservation_id})"
        )


@dataclass(eq=False)
class HoldUnknown(Refusal):
    """No such hold."""

    hold_id: str

    def __str__(self) -> str:
        return f"there is no hold {self.hold_id!r}"


@dataclass(eq=False)
class HoldEnded(Refusal):
    """The hold keeps nothing any more; another one is needed."""

    hold_id: str
    state: str

    def __str__(self) -> str:
        return f"hold {self.hold_id} is {self.state}"


@dataclass(eq=False)
class QuantityTooHigh(Refusal):
    """More units were named than the reservation still keeps there."""

    reservation_id: str
    sku: str
    location_id: str
    requested_units: int
    live_units: int

    def __str__(self) -> str:
        return (
            f"reservation {self.reservation_id} keeps {self.live_units} of {self.sku} at {self.location_id}, "
            f"not {self.requested_units}"
        )


@dataclass(eq=False)
class QuantityZero(Refusal):
    """An adjustment by nothing."""

    sku: str

    def __str__(self) -> str:
        return f"the difference of {self.sku} must not be 0"


@dataclass(eq=False)
class CauseNotPossible(Refusal):
    """The cause does not fit this kind of movement."""

    cause: str

    def __str__(self) -> str:
        return f"{self.cause} is not a possible cause here"


@dataclass(eq=False)
class FilterMissing(Refusal):
    """A list needs to know of what."""

    wanted: str

    def __str__(self) -> str:
        return f"say of what: {self.wanted}"


@dataclass(eq=False)
class StockOutOfRange(Refusal):
    """The book would leave the range that stock may have."""

    sku: str
    location_id: str
    limit_units: int

    def __str__(self) -> str:
        return f"{self.sku} at {self.location_id} would leave the range of ±{self.limit_units} units"


@dataclass(eq=False)
class DocumentUnknown(Refusal):
    """No such transfer, count or supply."""

    kind: str
    document_id: str

    def __str__(self) -> str:
        return f"there is no {self.kind.lower()} {self.document_id!r}"


@dataclass(eq=False)
class StateNotPossible(Refusal):
    """The document stands elsewhere in its life."""

    document_id: str
    state: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.document_id} is {self.state}; this needs {self.wanted}"


@dataclass(eq=False)
class LocationDiffers(Refusal):
    """The request names another location than the document does."""

    document_id: str
    location_id: str

    def __str__(self) -> str:
        return f"{self.document_id} does not concern {self.location_id} here"


@dataclass(eq=False)
class LocationsEqual(Refusal):
    """A transfer needs two places."""

    location_id: str

    def __str__(self) -> str:
        return f"a transfer from {self.location_id} must go elsewhere"


@dataclass(eq=False)
class UnitsTooMany(Refusal):
    """More units than the document has room for; a SKU that it does not name has none."""

    document_id: str
    sku: str
    requested_units: int
    limit_units: int

    def __str__(self) -> str:
        return (
            f"{self.document_id} takes at most {self.limit_units} more of {self.sku}, "
            f"not {self.requested_units}"
        )


@dataclass(eq=False)
class ControlUnknown(Refusal):
    """The channel has no control of the SKU."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return f"channel {self.channel_id} has no control of {self.sku}"


@dataclass(eq=False)
class ControlEmpty(Refusal):
    """A control says nothing: no buffer, no ring-fence, no cap."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return f"the control of {self.sku} for channel {self.channel_id} has no buffer, ring-fence or cap"


@dataclass(eq=False)
class PeriodInvalid(Refusal):
    """A time comes before one that it must follow."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return (
            f"the control of {self.sku} for channel {self.channel_id}: "
            "it must begin before its ring-fence is released, and that before it ends"
        )


@dataclass(eq=False)
class BuyerLimitExceeded(Refusal):
    """A customer wants more units of a scarce article than each may have."""

    sku: str
    requested_units: int
    limit_units: int
    left_units: int

    def __str__(self) -> str:
        return (
            f"{self.sku} is limited to {self.limit_units} per customer; "
            f"{self.left_units} are left for this one, not {self.requested_units}"
        )


@dataclass(eq=False)
class LimitUnknown(Refusal):
    """The SKU has no limit per buyer."""

    sku: str

    def __str__(self) -> str:
        return f"there is no limit per buyer of {self.sku}"


@dataclass(eq=False)
class LimitPeriodInvalid(Refusal):
    """A limit ends before it begins."""

    sku: str

    def __str__(self) -> str:
        return f"the limit per buyer of {self.sku} must begin before it ends"


@dataclass(eq=False)
class PicksMissing(Refusal):
    """A reservation of nothing."""

    order_id: str
    attempt: int

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.order_id} picks nothing"


@dataclass(eq=False)
class TermsUnknown(Refusal):
    """The channel has no terms of its own for the article."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return f"there are no backorder terms of channel {self.channel_id} for {self.sku}"


@dataclass(eq=False)
class TermsInvalid(Refusal):
    """A pre-order without its release, or a release without a pre-order."""

    sku: str
    channel_id: str

    def __str__(self) -> str:
        return (
            f"backorder terms of channel {self.channel_id} for {self.sku}: a pre-order needs a release time, "
            "and nothing else has one"
        )
