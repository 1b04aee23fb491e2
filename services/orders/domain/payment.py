"""What is known of an order's payment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from services.orders.domain.lines import Line


@dataclass(slots=True)
class Payment:
    """What the provider authorised and what it has moved since, in minor units."""

    payment_id: str = ""
    authorization_key: str = ""
    authorized_minor: int = 0
    captured_minor: int = 0
    voided_minor: int = 0
    refunded_minor: int = 0

    def moved(self, movement: str, amount_minor: int) -> None:
        """The provider did what was due: CAPTURE, VOID or REFUND."""
        if movement == "CAPTURE":
            self.captured_minor += amount_minor
        elif movement == "VOID":
            self.voided_minor += amount_minor
        else:
            self.refunded_minor += amount_minor

    def settles(self, lines: Collection[Line]) -> bool:
        """Whether the provider has moved all that was due: lines count what is due, the payment what was
        moved.
        """
        return not self.payment_id or (
            self.captured_minor == sum(line.captured_minor for line in lines)
            and self.voided_minor == sum(line.voided_minor for line in lines)
            and self.refunded_minor == sum(line.refunded_minor for line in lines)
        )

    def state(self) -> str:
        """The word for it, see PaymentSummary.state; empty without a payment."""
        if not self.payment_id:
            return ""
        if self.refunded_minor:
            return "REFUNDED" if self.refunded_minor == self.captured_minor else "PARTLY_REFUNDED"
        if self.captured_minor:
            done = self.captured_minor + self.voided_minor >= self.authorized_minor
            return "CAPTURED" if done else "PARTLY_CAPTURED"
        return "VOIDED" if self.voided_minor >= self.authorized_minor else "AUTHORIZED"
