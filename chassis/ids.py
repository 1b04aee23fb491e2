"""Prefixed, time-ordered ids: TypeID 0.3 (https://github.com/jetify-com/typeid) over UUIDv7 (RFC 9562).

An id is `<prefix>_<26 characters>`; as text under `COLLATE "C"` ids of one prefix sort by the millisecond
they were made in.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from itertools import count
from random import getrandbits
from time import time_ns
from uuid import UUID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SUFFIX_LENGTH = 26
_PREFIX_MAX_LENGTH = 63
_PREFIX = re.compile(r"[a-z](?:[a-z_]*[a-z])?")
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
# The digits that `int` knows to the base of 32.
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_LENGTH = 36
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}")

_VERSION_MASK = 0xF << 76
_VARIANT_MASK = 0x3 << 62
_TIME_MASK = ((1 << 48) - 1) << 80
_CHUNK_MASK = (1 << 50) - 1
_COMMON_LENGTH = 18
_NUMBER_MASK = (1 << 20) - 1
_VERSIONS = (7, 8)
_VARIANT = 0b10


class InvalidId(ValueError):
    """The text is not an id of the expected kind."""

    def __init__(self, text: str, prefix: str) -> None:
        self.text = text
        self.prefix = prefix
        super().__init__(f"{text[:80]!r} is not an id with prefix {prefix!r}")


class _Burst:
    """Ids of one millisecond: time and 34 random bits in common, then a 20-bit counter, then 20 random bits
    each (RFC 9562 section 6.2, methods 1 and 2).

    What they have in common is written once, so that an id costs four look-ups: an order makes half a dozen.
    """

    __slots__ = ("common", "millisecond", "numbers")

    def __init__(self, millisecond: int) -> None:
        self.millisecond = millisecond
        head = millisecond << 80 | 0x7 << 76 | getrandbits(12) << 64 | 0x2 << 62 | getrandbits(22) << 40
        self.common = _encode(head)[:_COMMON_LENGTH]
        # From the lower half: what is left is more than a process makes in a millisecond.
        self.numbers = count(getrandbits(19))


_burst: _Burst | None = None
_next_burst = threading.Lock()


def new_id(prefix: str) -> str:
    """A fresh id such as `ord_01h455vb4pex5vsknk084sn02q`, later than every id this process made before."""
    burst = _burst
    now = time_ns() // 1_000_000
    # A clock that was put back is waited for: the burst goes on.
    if burst is None or now > burst.millisecond:
        burst = _begin_burst(now)
    number = next(burst.numbers)
    if number > _NUMBER_MASK:
        burst = _begin_burst(burst.millisecond + 1)
        number = next(burst.numbers)
    tail = getrandbits(20)
    counted = _PAIRS[number >> 10] + _PAIRS[number & 1023]
    return f"{prefix}_{burst.common}{counted}{_PAIRS[tail >> 10]}{_PAIRS[tail & 1023]}"


def _begin_burst(millisecond: int) -> _Burst:
    global _burst
    with _next_burst:
        if _burst is None or _burst.millisecond < millisecond:
            _burst = _Burst(millisecond)
        return _burst


def _forget_burst() -> None:
    global _burst
    _burst = None


# A child must not go on with its parent's numbers.
os.register_at_fork(after_in_child=_forget_burst)


def derived_id(prefix: str, *parts: str, request_id: str) -> str:
    """The id that always follows from these parts, so that a retried request speaks of the same thing.

    When `request_id` is, or ends in, a UUIDv7 or a TypeID over one, its 48-bit time is kept and the id
    (version 7) stays time-ordered; otherwise every bit comes from the hash (version 8, RFC 9562 section
    5.8). The rest is
    SHA-256 over the length-framed prefix, parts and request id; whoever wants ids kept apart by caller puts
    the caller among
    the parts.
    """
    framed = bytearray()
    for part in (prefix, *parts, request_id):
        data = part.encode()
        framed += len(data).to_bytes(8, "big")
        framed += data
    bits = int.from_bytes(hashlib.sha256(framed).digest()[:16], "big")
    time = _time_of(request_id)
    version = 8
    if time is not None:
        bits = (bits & ~_TIME_MASK) | time
        version = 7
    bits = (bits & ~_VERSION_MASK & ~_VARIANT_MASK) | (version << 76) | (0x2 << 62)
    return f"{prefix}_{_encode(bits)}"


def parse_id(text: str, prefix: str) -> UUID:
    """The UUID inside `text`.

    Raises:
        InvalidId: another prefix, another alphabet, another length, or not a UUID of version 7 or 8.
    """
    head, separator, suffix = text.rpartition("_")
    if not separator or head != prefix or len(suffix) != _SUFFIX_LENGTH or suffix[0] > "7":
        raise InvalidId(text, prefix)
    bits = 0
    for character in suffix:
        value = _VALUES.get(character)
        if value is None:
            raise InvalidId(text, prefix)
        bits = bits << 5 | value
    if bits >> 76 & 0xF not in _VERSIONS or bits >> 62 & 0x3 != _VARIANT:
        raise InvalidId(text, prefix)
    return UUID(int=bits)


def check_prefix(prefix: str) -> str:
    """`prefix` itself when TypeID allows it: 1 to 63 letters a-z or inner underscores.

    Raises:
        ValueError: it does not.
    """
    if len(prefix) > _PREFIX_MAX_LENGTH or not _PREFIX.fullmatch(prefix):
        raise ValueError(f"not a TypeID prefix: {prefix!r}")
    return prefix


def id_pattern(prefix: str) -> re.Pattern[str]:
    """A pattern that, matched in full, accepts exactly the texts `parse_id` accepts, for validators that
    only need yes or no.
    """
    # Character i of the suffix holds bits 129-5i to 125-5i: character 10 begins with the version nibble,
    # character 13 has the variant inside.
    version = "".join(letter for value, letter in enumerate(_ALPHABET) if value >> 1 in _VERSIONS)
    variant = "".join(letter for value, letter in enumerate(_ALPHABET) if value >> 2 & 0x3 == _VARIANT)
    letter = f"[{_ALPHABET}]"
    return re.compile(
        f"{check_prefix(prefix)}_[0-7]{letter}{{9}}[{version}]{letter}{{2}}[{variant}]{letter}{{12}}"
    )


def _encode(bits: int) -> str:
    # Two characters a step, from three chunks that fit a machine word: this runs several times per order.
    high, middle, low = bits >> 100, bits >> 50 & _CHUNK_MASK, bits & _CHUNK_MASK
    return f"{_PAIRS[high >> 20]}{_PAIRS[high >> 10 & 1023]}{_PAIRS[high & 1023]}{_ten(middle)}{_ten(low)}"


def _ten(bits: int) -> str:
    first, second, third = _PAIRS[bits >> 40], _PAIRS[bits >> 30 & 1023], _PAIRS[bits >> 20 & 1023]
    return f"{first}{second}{third}{_PAIRS[bits >> 10 & 1023]}{_PAIRS[bits & 1023]}"


def _time_of(request_id: str) -> int | None:
    suffix = request_id[-_SUFFIX_LENGTH:]
    if _SUFFIX.fullmatch(suffix) and request_id[-_SUFFIX_LENGTH - 1 : -_SUFFIX_LENGTH] in ("", "_"):
        bits = int(suffix.translate(_DIGITS), 32)
        return bits & _TIME_MASK if bits >> 76 & 0xF == 7 and bits >> 62 & 0x3 == _VARIANT else None
    if _UUID.fullmatch(request_id[-_UUID_LENGTH:]):
        return int(request_id[-_UUID_LENGTH:].replace("-", ""), 16) & _TIME_MASK
    return None
