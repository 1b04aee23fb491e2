"""What `aljibe order` says in English."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    "order.help": "Show, list and watch orders.",
    "order.examples": """
aljibe order list
aljibe order show ord_01jd…
aljibe order watch ord_01jd…
""",
    "order.show.help": "Show one order: its lines and where their units stand, its plan, money, messages and trace.",
    "order.show.examples": """
aljibe order show ord_01jd…
aljibe order show ord_01jd… --json | jq .state
aljibe order show ord_01jd… --lang es
""",
    "order.list.help": (
        "List orders, newest first.\n\n"
        "States: accepted, in_progress, awaiting_customer, completed, cancelled, returned."
    ),
    "order.list.examples": """
aljibe order list --channel web --state awaiting_customer
aljibe order list --customer c-42 --limit 100
aljibe order list --json | jq -r '.orders[].orderId'
""",
    "order.watch.help": (
        "Watch one order move, until it has reached its end or Ctrl-C.\n\n"
        "With --json: a document a line, one for each change."
    ),
    "order.watch.examples": """
aljibe order watch ord_01jd…
aljibe order watch ord_01jd… --json | jq -r .state
""",
    "order.why.help": (
        "Tell why an order's goods come from where they come, or why not from a location.\n\n"
        "Without a location: every decision with the locations it looked at. With one: a sentence."
    ),
    "order.why.examples": """
aljibe order why ord_01jd…
aljibe order why ord_01jd… store-12
aljibe order why ord_01jd… store-12 --json | jq .candidate
""",
    "order.why.location": "The location that was not chosen.",
    "why.title": "Decision {attempt} ({trigger}): cost {cost}, of it for splitting {split}; {grams} g CO₂",
    "why.location": "Location",
    "why.km": "km",
    "why.parcel": "Parcel",
    "why.distance": "Way",
    "why.units": "Handling",
    "why.transfer": "Into the store",
    "why.stock_price": "Price of stock",
    "why.lateness": "Lateness",
    "why.markdown_credit": "Overstock",
    "why.reason": "Why (not)",
    "why.CHOSEN": "serves",
    "why.INACTIVE": "closed for orders",
    "why.EXCLUDED": "failed before",
    "why.NOT_THE_PICKUP_STORE": "not the pickup store",
    "why.NO_CAPABILITY": "sends no parcels",
    "why.NO_STOCK": "no stock",
    "why.EXCLUDED_BY_RULE": "excluded by rule",
    "why.NOT_IN_A_GROUP": "in no group",
    "why.LATER_GROUP": "an earlier group had it",
    "why.SAFETY_DAYS": "keeps it for its own customers",
    "why.TOO_LATE": "too late for the promise",
    "why.NO_CAPACITY": "no capacity left",
    "why.ONE_PARCEL": "worth too little to be split",
    "why.TOO_MANY_PARCELS": "too many parcels",
    "why.BRAND_TOGETHER": "brand stays together",
    "why.NOT_CHEAPEST": "dearer",
    "why.SHORT": "order refused",
    "order.id": "The order, ord_….",
    "order.channel": "Only orders of this channel.",
    "order.state": "Only orders in this state.",
    "order.customer": "Only orders of this customer.",
    "order.reference": "Only orders with this number of the caller's, such as a receipt's.",
    "order.sku": "Only orders with this article.",
    "order.location": "Only orders of which this location serves a part, or once was to.",
    "order.query": "An order's id, the beginning of one, or the caller's own number.",
    "order.on_hold": "Only orders on hold.",
    "order.hold.help": (
        "Hold an order: nobody picks, packs, ships or hands over until the hold is lifted.\n\n"
        "What has left stays left. Cancelling stays possible; units that need another location wait."
    ),
    "order.hold.examples": """
aljibe order hold ord_01jd… --reason 'address looks like fraud'
""",
    "order.lift.help": "Lift an order's hold: work goes on.",
    "order.lift.examples": """
aljibe order lift ord_01jd…
aljibe order lift ord_01jd… --reason 'the customer called'
""",
    "order.source-again.help": (
        "Have others serve units that are not picked yet.\n\n"
        "All that is named or nothing. Units of a pickup are not moved: their customer is asked."
    ),
    "order.source-again.examples": """
aljibe order source-again ord_01jd… --work ful_01jd… --reason 'no hands today'
aljibe order source-again ord_01jd… --line 1:2 --without store-7 --reason 'shelf is wet'
""",
    "order.reason": "Why; it is kept with the order.",
    "order.lift.reason": "Why it is lifted.",
    "order.source-again.work": "The fulfillment order to take units from, ful_….",
    "order.source-again.line": "Line and units; more than once for more lines. Without it, all of --work that is not picked.",
    "order.source-again.without": "A location that shall not get them either; more than once for more.",
    "order.source-again.which": "say which units: --work, --line or both",
    "order.source-again.bad_line": "'{text}' is no line: write LINE:UNITS, such as 1:2",
    "order.held": "{order_id} is on hold",
    "order.lifted": "{order_id} goes on",
    "order.sourced": "{order_id} was sourced again",
    "card.hold": "Hold",
    "card.held": "since {time} by {actor}: {reason}",
    "card.lifted": "{time} by {actor}: {reason} (lifted {lift_time} by {lifted_by})",
    "order.none": "no orders",
    "order.unknown_state": "there is no order state '{state}'; states are {states}",
    "order.waiting": "the service is away; asking again …",
    "card.accepted": "Accepted",
    "card.chosen": "Promise",
    "card.promise": "Promised by",
    "card.kept": "kept",
    "card.missed": "missed",
    "card.total": "Total",
    "card.tax": "tax",
    "card.discount": "promotions",
    "card.customer": "Customer",
    "card.reference": "Reference",
    "card.store": "Sold at",
    "card.address": "Ship to",
    "card.trace": "Trace",
    "card.name": "Article",
    "card.method": "Method",
    "card.where": "Where its units stand",
    "card.plan": "Plan",
    "card.work": "Fulfillment order",
    "card.content": "Units",
    "card.reservation": "Reservation",
    "card.payment": "Payment",
    "card.authorized": "authorised",
    "card.captured": "captured",
    "card.refunded": "refunded",
    "card.voided": "released",
    "card.messages": "Messages to the customer",
    "state.ACCEPTED": "accepted",
    "state.IN_PROGRESS": "in progress",
    "state.AWAITING_CUSTOMER": "awaiting customer",
    "state.COMPLETED": "completed",
    "state.CANCELLED": "cancelled",
    "state.RETURNED": "returned",
    "unit.ALLOCATED": "allocated",
    "unit.PICKED": "picked",
    "unit.READY": "ready",
    "unit.SHIPPED": "shipped",
    "unit.HANDED_OVER": "handed over",
    "unit.RESOURCING": "being sourced again",
    "unit.AWAITING_CUSTOMER": "awaiting customer",
    "unit.CANCELLED": "cancelled",
    "unit.RETURNED": "returned",
    "unit.BACKORDERED": "waiting for supply",
    "card.expected": "supply expected {time}",
    "unit.IN_TRANSIT": "on the way to the store",
    "method.SHIP": "ship",
    "method.PICKUP": "pickup",
    "method.CARRY_OUT": "carry-out",
    "payment.AUTHORIZED": "authorised",
    "payment.CAPTURED": "captured",
    "payment.VOIDED": "released",
    "payment.REFUNDED": "refunded",
    "payment.PARTLY_CAPTURED": "partly captured",
    "payment.PARTLY_REFUNDED": "partly refunded",
    "order.steps.help": "List what was done for an order: picked, packed, sent, collected, by whom and where.",
    "order.steps.examples": """
aljibe order steps ord_01jd…
aljibe order steps ord_01jd… --json | jq -r '.steps[].event'
""",
    "order.steps.none": "nothing has been done for that order yet, or there is no such order",
    "order.returns.help": "List what came back of an order: which units, where, why, and what becomes of them.",
    "order.returns.examples": """
aljibe order returns ord_01jd…
aljibe order returns --return ret_01jd…
""",
    "order.returns.return": "This return alone, ret_….",
    "order.returns.which": "say which: an order, or --return",
    "order.returns.none": "nothing has come back",
    "order.past.time": "Time",
    "order.past.step": "What",
    "order.past.location": "Location",
    "order.past.actor": "By",
    "order.past.work": "Work",
    "order.past.return": "Return",
    "order.past.line": "Line",
    "order.past.content": "Units",
    "order.past.becomes": "Becomes",
    "order.past.reason": "Reason",
    "disposition.RESTOCK": "back for sale",
    "disposition.SCRAP": "not for sale",
    "event.FulfillmentOrderOpened": "Work was opened",
    "event.PickingStarted": "Picking began",
    "event.UnitsPicked": "Units were picked",
    "event.UnitsShort": "Units were not there",
    "event.UnitsTakenOut": "Units were taken out",
    "event.OrderPacked": "Packed",
    "event.OrderShipped": "Given to the carrier",
    "event.ParcelSentToStore": "Sent to the store",
    "event.ParcelReceivedAtStore": "Received by the store",
    "event.UnitsLostInTransit": "Lost on the way",
    "event.PickupReady": "Ready to collect",
    "event.OrderHandedOver": "Handed over",
    "event.PickupExpired": "Not collected",
    "event.ReturnReceived": "Return received",
}
