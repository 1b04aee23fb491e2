"""What the service tells the process that makes a book."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from typing import Any

_LENGTH_BYTES = 8


def framed(head: Mapping[str, Any], units: array[int]) -> bytes:
    """The length of the head, the head, and units by SKU × location as 32-bit integers of this machine."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, sys.byteorder), text, units.tobytes()])


def unframed(given: bytes) -> tuple[dict[str, Any], int]:
    """The head, and where the units begin."""
    end = _LENGTH_BYTES + int.from_bytes(given[:_LENGTH_BYTES], sys.byteorder)
    return json.loads(given[_LENGTH_BYTES:end]), end
