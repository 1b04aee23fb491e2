"""What is known of an order's payment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Payment:
    """What the provider authorised and what it has moved since, in minor units."""

    payment_id: str = ""
    authorization_key: str = ""
    authorized_minor: int = 0
    captured_minor: int = 0
    voided_minor: int = 0
    refunded_minor: int = 0

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
