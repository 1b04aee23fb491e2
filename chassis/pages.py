"""Page tokens: opaque, signed, and good only for the query they were made for.

A token says where the next page begins (the last row's sort key) and carries an HMAC-SHA256 over that and
over the request it belongs to, page size excepted. So a client can neither forge a position nor carry one
over to another query; and no instance has to remember anything.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from google.protobuf.message import Message

from chassis.refusals import PageTokenInvalid
from chassis.settings import ChassisSettings

SIGNATURE_BYTES = 16
MAX_TOKEN_LENGTH = 500
_SEPARATOR = "\x00"  # validation refuses it in every string, so it is in no sort key
_PAGE_FIELDS = ("page_size", "page_token")


class PageTokens:
    """Makes and reads the page tokens of one service; every instance must be given the same `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"aljibe page token\x00" + secret).digest()

    @classmethod
    def of(cls, settings: ChassisSettings) -> PageTokens:
        """Tokens under a key that all instances of the service share: derived from the database's address."""
        return cls(settings.postgres_url.encode())

    def next_token(self, request: Message, *position: str) -> str:
        """The token of the page that begins after `position`, the sort key of the last row given."""
        body = _SEPARATOR.join(position).encode()
        return urlsafe_b64encode(self._sign(request, body) + body).decode().rstrip("=")

    def position(self, request: Message, parts: int = 1) -> tuple[str, ...] | None:
        """After which sort key of `parts` texts the asked page begins; None: at the beginning.

        `request` has a field `page_token`.

        Raises:
            PageTokenInvalid: it was not made here for this query.
        """
        token: str = getattr(request, "page_token")  # noqa: B009 - a field of the generated message, unknown to the type checker
        if not token:
            return None
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise PageTokenInvalid
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
            if not hmac.compare_digest(signature, self._sign(request, body)):
                raise PageTokenInvalid
            position = tuple(body.decode().split(_SEPARATOR))
        except (Base64Error, ValueError) as error:
            raise PageTokenInvalid from error
        if len(position) != parts:
            raise PageTokenInvalid
        return position

    def _sign(self, request: Message, body: bytes) -> bytes:
        query = type(request)()
        query.CopyFrom(request)
        for name in _PAGE_FIELDS:
            query.ClearField(name)
        text = query.SerializeToString(deterministic=True)
        kind = request.DESCRIPTOR.full_name.encode()
        signed = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, text, body))
        return hmac.digest(self._key, signed, "sha256")[:SIGNATURE_BYTES]
