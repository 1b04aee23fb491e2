"""Every clear no that fulfillment can give. The fields are for programs, the text is for a person."""

from __future__ import annotations

from dataclasses import dataclass


class Refusal(Exception):
    """Base of all; nothing has changed when one is raised, but for the counted try of `CodeWrong`."""


@dataclass(eq=False)
class FulfillmentOrderUnknown(Refusal):
    """There is no such fulfillment order."""

    fulfillment_order_id: str

    def __str__(self) -> str:
        return f"there is no fulfillment order {self.fulfillment_order_id!r}"


@dataclass(eq=False)
class WrongState(Refusal):
    """The verb does not fit where the fulfillment order stands."""

    fulfillment_order_id: str
    action: str
    state: str

    def __str__(self) -> str:
        return f"cannot {self.action} {self.fulfillment_order_id}: it is {self.state}"


@dataclass(eq=False)
class OrderOnHold(Refusal):
    """An operator holds the order: nobody works on it until the hold is lifted."""

    fulfillment_order_id: str
    order_id: str
    action: str
    hold_reason: str

    def __str__(self) -> str:
        return f"cannot {self.action} {self.fulfillment_order_id}: its order is on hold ({self.hold_reason})"


@dataclass(eq=False)
class WrongMethod(Refusal):
    """Parcels are packed and shipped, pickups made ready and handed over; not the other way round."""

    fulfillment_order_id: str
    action: str
    method: str

    def __str__(self) -> str:
        return f"cannot {self.action} {self.fulfillment_order_id}: its goods leave by {self.method}"


@dataclass(eq=False)
class LineUnknown(Refusal):
    """The fulfillment order has no such line."""

    fulfillment_order_id: str
    line_number: int

    def __str__(self) -> str:
        return f"{self.fulfillment_order_id} has no line {self.line_number}"


@dataclass(eq=False)
class QuantityTooHigh(Refusal):
    """More units than are left for the verb; `left_units` would be possible."""

    id: str
    line_number: int
    quantity_units: int
    left_units: int

    def __str__(self) -> str:
        return (
            f"line {self.line_number} of {self.id}: {self.quantity_units} units are too many, "
            f"{self.left_units} are left"
        )


@dataclass(eq=False)
class AlreadyPicked(Refusal):
    """Units cannot be taken out any more: fewer than wanted are left to pick."""

    fulfillment_order_id: str
    state: str
    line_number: int
    quantity_units: int
    left_units: int

    def __str__(self) -> str:
        return (
            f"line {self.line_number} of {self.fulfillment_order_id} ({self.state}): "
            f"{self.quantity_units} units should be taken out, {self.left_units} are not picked yet"
        )


@dataclass(eq=False)
class CodeWrong(Refusal):
    """The customer's code is not the right one; the try is counted."""

    fulfillment_order_id: str
    tries_left: int

    def __str__(self) -> str:
        return f"the code for {self.fulfillment_order_id} is wrong; tries left: {self.tries_left}"


@dataclass(eq=False)
class CodeLocked(Refusal):
    """Too many wrong codes; only a renewed code opens it."""

    fulfillment_order_id: str

    def __str__(self) -> str:
        return f"the code for {self.fulfillment_order_id} is locked after too many wrong tries; renew it"


@dataclass(eq=False)
class OrderUnknown(Refusal):
    """No work was ever opened for this order."""

    order_id: str

    def __str__(self) -> str:
        return f"nothing is known of order {self.order_id!r}"


@dataclass(eq=False)
class LocationUnknown(Refusal):
    """There is no such location to receive goods at."""

    location_id: str

    def __str__(self) -> str:
        return f"there is no location {self.location_id!r}"


@dataclass(eq=False)
class NotDelivered(Refusal):
    """Nothing of this line has left for the customer, so nothing of it can come back."""

    order_id: str
    line_number: int

    def __str__(self) -> str:
        return f"line {self.line_number} of {self.order_id} was not delivered"


@dataclass(eq=False)
class OpeningInvalid(Refusal):
    """The data to open a fulfillment order from is not complete."""

    fulfillment_order_id: str
    field: str
    description: str

    def __str__(self) -> str:
        which = self.fulfillment_order_id or "a fulfillment order"
        return f"{which} cannot be opened: {self.field} {self.description}"


@dataclass(eq=False)
class IncidentUnknown(Refusal):
    """There is no such incident or suggestion."""

    incident_id: str

    def __str__(self) -> str:
        return f"there is no incident {self.incident_id!r}"


@dataclass(eq=False)
class IncidentClosed(Refusal):
    """Nothing more is done about it."""

    incident_id: str

    def __str__(self) -> str:
        return f"{self.incident_id} is closed"
