"""What only the stored fulfillment order can tell about who may do what."""

from __future__ import annotations

from chassis.auth import current_principal, require_channel, require_location
from chassis.refusals import PermissionDenied
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder


def own_location(order: FulfillmentOrder) -> None:
    """Let only those act whose location's work it is now.

    Raises:
        PermissionDenied: the token does not cover it.
    """
    require_location(order.work_location_id)


def either_location(order: FulfillmentOrder) -> None:
    """Let those see it who send goods to a store, and those who receive them.

    Raises:
        PermissionDenied: the token covers neither.
    """
    try:
        require_location(order.opening.location_id)
    except PermissionDenied:
        if not order.opening.pickup_location_id:
            raise
        require_location(order.opening.pickup_location_id)


def own_channel(order: FulfillmentOrder) -> None:
    """Let only the front end see the code that the customer bought from.

    Raises:
        PermissionDenied: the token does not cover it.
    """
    require_channel(order.opening.channel_id)


def own_channel_or_location(order: FulfillmentOrder) -> None:
    """A front end renews for its own customers, store staff and operations for their own locations.

    Raises:
        PermissionDenied: the token covers neither.
    """
    if current_principal().has_role("associate", "operator", "service"):
        own_location(order)
    else:
        own_channel(order)
