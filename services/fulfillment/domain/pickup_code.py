"""The one-time code that a customer shows to collect a pickup."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field

CODE_DIGITS = 6
MAX_WRONG_TRIES = 5


@dataclass(frozen=True, slots=True)
class PickupCode:
    """Six decimal digits, which never show in a `repr`, and the wrong tries made against them."""

    digits: str = field(repr=False)
    wrong_tries: int = 0

    @staticmethod
    def fresh() -> PickupCode:
        """A code nobody can foretell. With 5 tries in 10^6 a guesser opens one pickup in 200,000."""
        return PickupCode(f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}")

    @property
    def tries_left(self) -> int:
        """How many wrong tries it still bears; at 0 it is locked."""
        return max(0, MAX_WRONG_TRIES - self.wrong_tries)

    def matches(self, guess: str) -> bool:
        """Whether `guess` is the code; takes the same time wherever the two differ."""
        return hmac.compare_digest(self.digits.encode(), guess.strip().encode())

    def after_wrong_try(self) -> PickupCode:
        """The same code with one more wrong try counted."""
        return PickupCode(self.digits, self.wrong_tries + 1)
