"""How figures, times and states look to a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp

# ISO 4217 currencies whose minor unit is not a hundredth, among those retailers meet.
_MINOR_DIGITS = {
    "JPY": 0,
    "KRW": 0,
    "CLP": 0,
    "PYG": 0,
    "VND": 0,
    "ISK": 0,
    "KWD": 3,
    "BHD": 3,
    "JOD": 3,
    "TND": 3,
}

STATE_STYLES: Mapping[str, str] = {
    "ACCEPTED": "cyan",
    "IN_PROGRESS": "blue",
    "AWAITING_CUSTOMER": "yellow",
    "COMPLETED": "green",
    "CANCELLED": "red",
    "RETURNED": "magenta",
    "ALLOCATED": "cyan",
    "PICKED": "blue",
    "READY": "blue",
    "IN_TRANSIT": "blue",
    "SHIPPED": "green",
    "HANDED_OVER": "green",
    "RESOURCING": "yellow",
    "BACKORDERED": "yellow",
}


def units(count: int) -> str:
    """1234567 as ``1 234 567`` (ISO 80000-1: a thin space reads the same in every language)."""
    return f"{count:,}".replace(",", "\u202f")


def money(minor: int, currency: str) -> str:
    """Minor units as ``12.34 USD``; nothing is rounded."""
    digits = minor_digits(currency)
    whole, part = divmod(abs(minor), 10**digits)
    sign = "−" if minor < 0 else ""
    return f"{sign}{units(whole)}" + (f".{part:0{digits}d}" if digits else "") + f" {currency}"


def minor_digits(currency: str) -> int:
    """How many digits of an amount are minor units."""
    return _MINOR_DIGITS.get(currency, 2)


def time(stamp: Timestamp) -> str:
    """A moment in this machine's time zone, or nothing when it is not set."""
    if not stamp.seconds:
        return ""
    return stamp.ToDatetime(UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def period(since: Timestamp, until: Timestamp) -> str:
    """From when to when; what is not set is left out."""
    return " – ".join((time(since), time(until))).strip(" –")


def short(name: str, prefix: str) -> str:
    """The name of an enum's value without the prefix that every value has."""
    return name.removeprefix(prefix)
