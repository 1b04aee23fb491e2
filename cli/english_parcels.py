"""The English sentences of `aljibe parcel`."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "parcel.help": "Goods that other locations send to a store, where their customers collect them.",
    "parcel.examples": """
aljibe parcel list store-north
aljibe parcel receive ful_01jd…
""",
    "parcel.list.help": "List what is on its way to a store, and what has arrived and is not ready yet.",
    "parcel.list.examples": """
aljibe parcel list store-north
aljibe parcel list store-north --json | jq '.fulfillmentOrders[].trackingNumber'
""",
    "parcel.receive.help": "Say that a parcel has arrived in the store.",
    "parcel.receive.examples": """
aljibe parcel receive ful_01jd…
""",
    "parcel.lost.help": (
        "Say that a parcel, or units of it, will not come. The order is sourced again for the "
        "same store, or its customer is asked."
    ),
    "parcel.lost.examples": """
aljibe parcel lost ful_01jd…
aljibe parcel lost ful_01jd… --line 1:2 --note 'torn open'
""",
    "parcel.store": "The store where the goods are collected.",
    "parcel.work": "The fulfillment order, ful_….",
    "parcel.line": "Only these units of a line, such as 1:2; may be repeated. Everything unless told.",
    "parcel.note": "What happened, in your words.",
    "parcel.none": "Nothing is on its way to that store.",
    "parcel.word.work": "Work",
    "parcel.word.from": "Comes from",
    "parcel.word.state": "State",
    "parcel.word.content": "Content",
    "parcel.word.parcel": "Parcel",
    "parcel.word.promise": "Promised",
    "work.OPEN": "open",
    "work.PICKING": "being picked",
    "work.PICKED": "picked",
    "work.PACKED": "packed",
    "work.SHIPPED": "shipped",
    "work.READY": "ready",
    "work.HANDED_OVER": "handed over",
    "work.EXPIRED": "not collected",
    "work.CANCELLED": "cancelled",
    "work.IN_TRANSIT": "on its way",
    "work.ARRIVED": "arrived",
}
