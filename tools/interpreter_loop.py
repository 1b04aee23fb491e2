"""Prints how long this Python takes for a small piece of what services do, in seconds of its processor.

Calls of functions and methods, attributes, tuples, look-ups, texts and bytes; it imports nothing else, as
`tools.interpreters` runs it several times by each Python that it compares.
"""

from __future__ import annotations

import time

PIECES = 4
ROUNDS = 900


class Position:
    """Units of an article at a location."""

    __slots__ = ("on_hand", "reserved", "sku")

    def __init__(self, sku: str, on_hand: int) -> None:
        self.sku = sku
        self.on_hand = on_hand
        self.reserved = 0

    def free_units(self) -> int:
        """What nobody has reserved."""
        return self.on_hand - self.reserved


def key(sku: str, location: int) -> tuple[str, int]:
    """How a position is found."""
    return sku, location


def piece(rounds: int = ROUNDS) -> int:
    """Reserve ``rounds`` orders of two lines, and write each down; the bytes written."""
    positions = {key(f"sku-{n}", n % 3): Position(f"sku-{n}", 1_000_000) for n in range(60)}
    written = 0
    for order in range(rounds):
        picks = []
        for line in range(2):
            n = (order + line) % 60
            position = positions[key(f"sku-{n}", n % 3)]
            if position.free_units() >= 1:
                position.reserved += 1
                picks.append((position.sku, n % 3, position.reserved))
        record = {"order": order, "picks": tuple(picks), "units": sum(units for _, _, units in picks)}
        text = ",".join(f"{sku}@{location}" for sku, location, _ in picks)
        written += len(f"{record['order']}:{text}".encode())
    return written


def least_seconds() -> float:
    """The least processor time of a piece, of ``PIECES`` tries."""
    took = []
    for _ in range(PIECES):
        began = time.process_time()
        piece()
        took.append(time.process_time() - began)
    return min(took)


if __name__ == "__main__":
    print(least_seconds())
