"""The steps of a fulfillment order in its order's own trace.

A step arrives as a request with a trace of its own, hours or days after the order. The order's trace is found
where the opening of the work was told: in the outbox row of the fulfillment order's first event, for as long
as rows are kept (`OUTBOX_RETENTION`). So nothing is stored twice, and opening work costs nothing more. The
step's span stands in the order's trace; it and the request's span are linked to each other, and what the step
tells goes on in the order's trace.
"""

from __future__ import annotations

from collections.abc import Callable

from chassis.conventions import CHANNEL_ID, FULFILLMENT_ORDER_ID, LOCATION_ID, ORDER_ID, PLAN_WAY
from chassis.envelope import kebab
from chassis.telemetry import Attribute, child, current_traceparent, finish, is_sampled, present, within
from services.fulfillment.domain.fulfillment_order import FulfillmentOrder


def step_of(order: FulfillmentOrder, first: str | None) -> tuple[str | None, Callable[[], None] | None]:
    """The traceparent that what `order` tells goes on with, and what is to be done once it is committed.

    `first` is the traceparent of the order's first event; None when it is not known any more.
    """
    here = current_traceparent()
    request = present()
    if not order.told:
        return here, None
    if request is not None:
        request.attributes.update(about(order))
    if first is None or within(here, first) == here:
        return here, None
    if not is_sampled(first):
        # Better half a trace than none.
        return (here if request is not None else first), None
    names = ", ".join(dict.fromkeys(kebab(type(told.fact).__name__) for told in order.told))
    step = child(f"step {names}", attributes=about(order), parent=first)
    assert step is not None
    if request is not None:
        step.start_nanos = request.start_nanos

    def committed() -> None:
        if request is not None:
            step.links.append(request.traceparent)
            request.links.append(step.traceparent)
        finish(step)

    return step.traceparent, committed


def about(order: FulfillmentOrder) -> dict[str, Attribute]:
    """What a span says of the fulfillment order it is about."""
    opening = order.opening
    return {
        ORDER_ID: opening.order_id,
        FULFILLMENT_ORDER_ID: opening.fulfillment_order_id,
        LOCATION_ID: opening.location_id,
        CHANNEL_ID: opening.channel_id,
        PLAN_WAY: opening.method.value,
    }
