"""What the demo's people saw: what was placed, what was refused and why, how long they waited."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from demo.data.baskets import Basket, Channel
from demo.decisions import Choices


@dataclass(slots=True)
class Shopper:
    """A basket on its way: ``reference`` is its receipt number, ``order_id`` is set once accepted."""

    basket: Basket
    choices: Choices
    reference: str
    order_id: str = ""


@dataclass
class Journal:
    """Counted while the demo runs; ``summary`` makes sense of it afterwards."""

    shoppers: dict[str, Shopper] = field(default_factory=dict)
    accepted: Counter[Channel] = field(default_factory=Counter)
    refused: Counter[tuple[Channel, str]] = field(default_factory=Counter)
    latencies: dict[Channel, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds of each placing call that was accepted, repeats after an outage included."""
    happened: Counter[str] = field(default_factory=Counter)
    """Everything else worth counting, by name."""
    faults: Counter[str] = field(default_factory=Counter)
    """Answers that nobody expects: internal errors, refusals of correct requests."""
    replay_began: float = 0.0
    replay_seconds: float = 0.0

    def begin(self) -> None:
        """The doors open."""
        self.replay_began = time.monotonic()

    def end(self) -> None:
        """The last basket was placed or refused."""
        self.replay_seconds = time.monotonic() - self.replay_began

    @property
    def orders(self) -> int:
        """Accepted so far."""
        return self.accepted.total()
