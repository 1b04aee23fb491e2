"""What orders refuses, each class with its facts; `str()` is for a person."""

from __future__ import annotations

from dataclasses import dataclass, field


class Refusal(Exception):
    """Base of every refusal of this service."""


@dataclass(eq=False)
class OrderUnknown(Refusal):
    """There is no such order."""

    order_id: str

    def __str__(self) -> str:
        return f"there is no order {self.order_id}"


@dataclass(eq=False)
class DecisionUnknown(Refusal):
    """The order keeps no such decision of sourcing, or not what it takes to make it again."""

    order_id: str
    attempt: int

    def __str__(self) -> str:
        which = f"decision {self.attempt}" if self.attempt else "decision"
        return f"order {self.order_id} keeps no {which} that can be made again"


@dataclass(eq=False)
class ChannelUnknown(Refusal):
    """There is no such channel."""

    channel_id: str

    def __str__(self) -> str:
        return f"there is no channel {self.channel_id}"


@dataclass(eq=False)
class LocationUnknown(Refusal):
    """There is no such location."""

    location_id: str

    def __str__(self) -> str:
        return f"there is no location {self.location_id}"


@dataclass(eq=False)
class LocationInactive(Refusal):
    """The location takes no orders for now."""

    location_id: str

    def __str__(self) -> str:
        return f"location {self.location_id} takes no orders for now"


@dataclass(eq=False)
class MethodNotOffered(Refusal):
    """The channel does not offer this way of getting the goods."""

    channel_id: str
    method: str

    def __str__(self) -> str:
        return f"channel {self.channel_id} does not offer {self.method}"


@dataclass(eq=False)
class PickupNotPossible(Refusal):
    """Customers cannot collect at this location."""

    location_id: str
    kind: str

    def __str__(self) -> str:
        return f"customers cannot collect at {self.location_id}, a {self.kind}"


@dataclass(eq=False)
class CarryOutNotPossible(Refusal):
    """The location has no tills."""

    location_id: str

    def __str__(self) -> str:
        return f"{self.location_id} has no tills, so nothing is carried out there"


@dataclass(eq=False)
class AddressRequired(Refusal):
    """A line is shipped, and nobody said where to."""

    line_number: int

    def __str__(self) -> str:
        return f"line {self.line_number} is shipped, so a delivery address with its point is required"


@dataclass(eq=False)
class LocationRequired(Refusal):
    """A line is collected or carried out, and nobody said where."""

    line_number: int
    field: str

    def __str__(self) -> str:
        return f"line {self.line_number} needs {self.field}"


@dataclass(eq=False)
class CurrencyMismatch(Refusal):
    """The caller expects another currency than the one the channel sells in."""

    channel_id: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"channel {self.channel_id} sells in {self.actual}, not in {self.expected}"


@dataclass(frozen=True, slots=True)
class ShortLine:
    """An article of which there is not enough."""

    sku: str
    requested_units: int
    available_units: int


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """An article of which the customer may not have that many."""

    sku: str
    requested_units: int
    limit_units: int
    left_units: int


@dataclass(eq=False)
class InsufficientStock(Refusal):
    """There is less than is wanted; nothing is reserved."""

    shortages: tuple[ShortLine, ...]

    def __str__(self) -> str:
        words = ", ".join(f"{s.sku}: {s.available_units} of {s.requested_units}" for s in self.shortages)
        return f"not enough stock ({words})"


@dataclass(eq=False)
class NoPlan(Refusal):
    """No location may serve the lines at all."""

    method: str

    def __str__(self) -> str:
        return f"no location can serve this order by {self.method}"


@dataclass(eq=False)
class AttemptsExhausted(Refusal):
    """This request was refused so often that it must be made anew, with another request id."""

    order_id: str
    attempts: int

    def __str__(self) -> str:
        return (
            f"order {self.order_id} was attempted {self.attempts} times; place it again with a new request_id"
        )


@dataclass(eq=False)
class SourcedTooOften(Refusal):
    """Locations were looked for so often for this order that nobody looks for another; what waits can be
    cancelled.
    """

    order_id: str
    attempts: int

    def __str__(self) -> str:
        return (
            f"order {self.order_id} was sourced {self.attempts} times, the most there is: cancel what waits"
        )


@dataclass(eq=False)
class NothingPromised(Refusal):
    """A location that was to serve neither opens nor has capacity left within 60 days, and no other can."""

    location_id: str
    method: str

    def __str__(self) -> str:
        return f"location {self.location_id} has no opening or no capacity left for {self.method} in 60 days"


@dataclass(eq=False)
class PromiseNotOffered(Refusal):
    """Customers are not offered this promise."""

    customer_promise: str
    offered: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no promise {self.customer_promise}; there are {', '.join(self.offered)}"


@dataclass(eq=False)
class PromiseNotPossible(Refusal):
    """The goods are there, but nobody can have them at their destination in time for the promise."""

    customer_promise: str
    next_customer_promise: str = ""
    """The best that can be kept; empty: not known."""
    next_promise_time: str = ""
    """By when, ISO 8601; empty: not known."""
    location_id: str = ""
    """Who was to serve, where one was."""

    def __str__(self) -> str:
        best = self.next_customer_promise
        other = f"; {best} can be kept, by {self.next_promise_time}" if best else ""
        return f"the promise {self.customer_promise} cannot be kept for this order{other}"


@dataclass(eq=False)
class PaymentDeclined(Refusal):
    """The payment provider said no; nothing is charged or reserved."""

    decline_reason: str

    def __str__(self) -> str:
        return f"the payment was declined ({self.decline_reason})"


@dataclass(eq=False)
class PaymentTokenUnknown(Refusal):
    """The payment provider does not know the token."""

    def __str__(self) -> str:
        return "the payment token is not known to the provider"


@dataclass(eq=False)
class LineUnknown(Refusal):
    """The order has no such line."""

    order_id: str
    line_number: int

    def __str__(self) -> str:
        return f"order {self.order_id} has no line {self.line_number}"


@dataclass(eq=False)
class QuantityTooHigh(Refusal):
    """More units than the line still has."""

    line_number: int
    requested_units: int
    left_units: int

    def __str__(self) -> str:
        return f"line {self.line_number} has {self.left_units} units left, not {self.requested_units}"


@dataclass(eq=False)
class TooLateToCancel(Refusal):
    """Some of the units are picked, on their way or with the customer; nothing is cancelled."""

    order_id: str
    states: dict[str, int] = field(default_factory=dict)
    """Units by state, of the lines that were to be cancelled."""

    def __str__(self) -> str:
        words = ", ".join(f"{units} {state}" for state, units in sorted(self.states.items()))
        return f"it is too late to cancel that of order {self.order_id} ({words})"


@dataclass(eq=False)
class OrderOnHold(Refusal):
    """An operator holds the order: nobody works on it until the hold is lifted."""

    order_id: str
    hold_reason: str

    def __str__(self) -> str:
        return f"order {self.order_id} is on hold ({self.hold_reason})"


@dataclass(eq=False)
class NotOnHold(Refusal):
    """There is no hold to lift."""

    order_id: str

    def __str__(self) -> str:
        return f"order {self.order_id} is not on hold"


@dataclass(eq=False)
class NothingToHold(Refusal):
    """The order has reached its end: there is no work to keep from being done."""

    order_id: str
    state: str

    def __str__(self) -> str:
        return f"order {self.order_id} is {self.state}: nothing is left to hold"


@dataclass(eq=False)
class NothingToSourceAgain(Refusal):
    """None of the units stands unpicked at a location; nothing is moved."""

    order_id: str
    states: dict[str, int] = field(default_factory=dict)
    """Units by state."""

    def __str__(self) -> str:
        words = ", ".join(f"{units} {state}" for state, units in sorted(self.states.items()))
        return f"nothing of that of order {self.order_id} waits to be picked ({words})"


@dataclass(eq=False)
class FulfillmentOrderUnknown(Refusal):
    """The order has no such fulfillment order."""

    order_id: str
    fulfillment_order_id: str

    def __str__(self) -> str:
        return f"order {self.order_id} has no fulfillment order {self.fulfillment_order_id}"


@dataclass(eq=False)
class FulfillmentOrderRequired(Refusal):
    """Units of the lines wait at more than one place; say at which."""

    order_id: str
    fulfillment_order_ids: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.fulfillment_order_ids)
        return f"units of order {self.order_id} wait at several places ({names}): name one"


@dataclass(eq=False)
class NothingToResolve(Refusal):
    """No unit of the order waits for the customer's decision."""

    order_id: str

    def __str__(self) -> str:
        return f"no unit of order {self.order_id} waits for a decision"


@dataclass(eq=False)
class OrderChanged(Refusal):
    """The order changed while the call was worked on; nothing was done."""

    order_id: str

    def __str__(self) -> str:
        return f"order {self.order_id} changed meanwhile; look at it again"


@dataclass(eq=False)
class WrongMove(Refusal):
    """A fact does not fit where the order's units stand. Never an answer to a caller of the public
    methods: it ends in the dead letters.
    """

    order_id: str
    line_number: int
    move: str
    requested_units: int
    found_units: int

    def __str__(self) -> str:
        return (
            f"order {self.order_id}, line {self.line_number}: {self.move} of {self.requested_units} units, "
            f"but only {self.found_units} stand where it could be"
        )


@dataclass(eq=False)
class PaymentUnavailable(Refusal):
    """The payment provider does not answer; nothing is charged or reserved, and the same request may be
    made again.
    """

    def __str__(self) -> str:
        return "the payment provider does not answer right now"
