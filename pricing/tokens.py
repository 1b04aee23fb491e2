"""Quote tokens: a signed promise that a basket costs a certain total as of a certain instant."""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pricing.baskets import Basket
from pricing.promotions import coupon_key
from pricing.refusals import QuoteExpired, QuoteInvalid

QUOTE_TTL = timedelta(minutes=30)
KEY_MIN_BYTES = 16

# Version, microseconds since 1970, total in minor units, digest of the basket; then the signature over them.
_CONTENT = struct.Struct(">BqQ16s")
_VERSION = 1
_SIGNATURE_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Promise(NamedTuple):
    """What a genuine token says."""

    priced_at: datetime
    total_minor: int
    expire_time: datetime


class QuoteSigner:
    """Signs with HMAC-SHA-256, cut to 128 bits (RFC 2104, section 5). All instances of the service share
    the key.
    """

    def __init__(self, key: bytes, ttl: timedelta = QUOTE_TTL) -> None:
        if len(key) < KEY_MIN_BYTES:
            raise ValueError(f"the key for quote tokens must have at least {KEY_MIN_BYTES} bytes")
        self.key = key
        self.ttl = ttl

    def sign(self, basket: Basket, priced_at: datetime, total_minor: int) -> str:
        """A token for `basket` at `total_minor`, good for `ttl` from `priced_at`."""
        micros = (priced_at - _EPOCH) // _MICROSECOND
        content = _CONTENT.pack(_VERSION, micros, total_minor, fingerprint(basket))
        return urlsafe_b64encode(content + self._signature(content)).rstrip(b"=").decode()

    def open(self, token: str, basket: Basket, now: datetime) -> Promise:
        """What the token promises for `basket`.

        Raises:
            QuoteInvalid: not signed with our key, or for another basket, channel, coupon or tax place.
            QuoteExpired: its time is over.
        """
        try:
            raw = urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except (BadBase64, ValueError) as error:
            raise QuoteInvalid("is malformed") from error
        content, signature = raw[: _CONTENT.size], raw[_CONTENT.size :]
        if len(raw) != _CONTENT.size + _SIGNATURE_BYTES or not hmac.compare_digest(
            signature, self._signature(content)
        ):
            raise QuoteInvalid("was not signed here")
        version, micros, total_minor, digest = _CONTENT.unpack(content)
        if version != _VERSION:
            raise QuoteInvalid("is of an unknown version")
        if not hmac.compare_digest(digest, fingerprint(basket)):
            raise QuoteInvalid("was made for another basket")
        priced_at = _EPOCH + micros * _MICROSECOND
        expire_time = priced_at + self.ttl
        if now >= expire_time:
            raise QuoteExpired(expire_time)
        return Promise(priced_at, total_minor, expire_time)

    def _signature(self, content: bytes) -> bytes:
        return hmac.digest(self.key, content, "sha256")[:_SIGNATURE_BYTES]


def fingerprint(basket: Basket) -> bytes:
    """Equal for baskets that must cost the same: the order of lines and coupons and the case of coupons do
    not count.
    """
    content = (
        basket.channel_id,
        basket.tax_country_code,
        basket.tax_region,
        sorted({coupon_key(code) for code in basket.coupon_codes}),
        sorted((line.sku, line.quantity_units) for line in basket.lines),
    )
    return hashlib.sha256(repr(content).encode()).digest()[:16]
