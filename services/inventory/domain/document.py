"""Documents: papers with a life of their own that stand behind movements."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Kind(IntEnum):
    """What a document is; documents are locked in this order, and by id within it."""

    COUNT = 1
    SUPPLY = 2
    TRANSFER = 3
    TERMS = 4


DocumentKey = tuple[Kind, str]
"""Kind and id: what identifies a document; sorts in the order documents are locked in."""


class Document(Protocol):
    """What the book knows of any document."""

    @property
    def key(self) -> DocumentKey:
        """What identifies it."""
