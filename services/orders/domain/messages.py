"""What customers are told, in Spanish and English."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.orders.domain.money import CURRENCY_DECIMALS

ORDER_ACCEPTED = "ORDER_ACCEPTED"
SHIPPED = "SHIPPED"
READY_FOR_PICKUP = "READY_FOR_PICKUP"
SENT_TO_STORE = "SENT_TO_STORE"
UNITS_CANCELLED = "UNITS_CANCELLED"
CHOICE_NEEDED = "CHOICE_NEEDED"
NOT_COLLECTED = "NOT_COLLECTED"
REFUNDED = "REFUNDED"
RESOURCED = "RESOURCED"
BACKORDERED = "BACKORDERED"
BACKORDER_MOVED = "BACKORDER_MOVED"
BACKORDER_ARRIVED = "BACKORDER_ARRIVED"

_TEXTS = {
    ORDER_ACCEPTED: {
        "en": "Thank you. We have your order {order} for {amount}.",
        "es": "Gracias. Hemos recibido su pedido {order} por {amount}.",
    },
    SHIPPED: {
        "en": "On its way: {items}.{tracking}",
        "es": "Va en camino: {items}.{tracking}",
    },
    SENT_TO_STORE: {
        "en": "On its way to {location}, where you can collect it from {until} on: {items}.",
        "es": "Va en camino a {location}, donde podrá recogerlo desde el {until}: {items}.",
    },
    READY_FOR_PICKUP: {
        "en": "Ready to collect at {location} until {until}: {items}.",
        "es": "Listo para recoger en {location} hasta el {until}: {items}.",
    },
    UNITS_CANCELLED: {
        "en": "Cancelled: {items}. You do not pay {amount} for it.",
        "es": "Cancelado: {items}. No se le cobrarán {amount}.",
    },
    CHOICE_NEEDED: {
        "en": "{location} cannot give you {items}. Shall we send it, try another store, or cancel it?",
        "es": "{location} no puede entregarle {items}. "
        "¿Se lo enviamos, probamos en otra tienda o lo cancelamos?",
    },
    NOT_COLLECTED: {
        "en": "You did not collect {items} in time, so we cancelled it. You do not pay {amount} for it.",
        "es": "No recogió a tiempo {items}, así que lo cancelamos. No se le cobrarán {amount}.",
    },
    REFUNDED: {
        "en": "We received {items} back and give you back {amount}.",
        "es": "Recibimos su devolución de {items} y le devolvemos {amount}.",
    },
    RESOURCED: {
        "en": "{items} now comes from another place, by {until}.",
        "es": "{items} saldrá ahora de otro lugar; llegará a más tardar el {until}.",
    },
    BACKORDERED: {
        "en": "{items} is on its way to us. You will have it by {until}.",
        "es": "{items} está en camino a nuestro almacén. Lo tendrá a más tardar el {until}.",
    },
    BACKORDER_MOVED: {
        "en": "The day of {items} has changed. You will have it by {until}.",
        "es": "La fecha de {items} ha cambiado. Lo tendrá a más tardar el {until}.",
    },
    BACKORDER_ARRIVED: {
        "en": "{items} has arrived and is being prepared. You will have it by {until}.",
        "es": "{items} ha llegado y se está preparando. Lo tendrá a más tardar el {until}.",
    },
}


class Message(NamedTuple):
    """What the customer was told, and when."""

    kind: str
    text: str
    time: datetime


def text(kind: str, language: str, **facts: str) -> str:
    """The message of `kind` in `language` ("es", else English)."""
    return _TEXTS[kind]["es" if language == "es" else "en"].format(**facts)


def tracking(language: str, carrier: str, number: str) -> str:
    """The sentence about the parcel number, with a leading blank; empty without a number."""
    if not number:
        return ""
    return f" {'Número de envío' if language == 'es' else 'Parcel number'}: {carrier} {number}."


def amount(minor: int, currency: str) -> str:
    """12.50 USD of 1250."""
    decimals = CURRENCY_DECIMALS.get(currency, 2)
    if decimals == 0:
        return f"{minor} {currency}"
    whole, part = divmod(abs(minor), 10**decimals)
    return f"{'-' if minor < 0 else ''}{whole}.{part:0{decimals}d} {currency}"


def moment(time: datetime | None, language: str) -> str:
    """A day and hour as the language writes it, in UTC."""
    if time is None:
        return "—"
    return time.strftime("%d/%m/%Y %H:%M UTC" if language == "es" else "%Y-%m-%d %H:%M UTC")
