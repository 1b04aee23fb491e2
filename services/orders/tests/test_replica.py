"""What plans see of the replica: each channel its own."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services.orders.adapters.nats.replica import AvailabilityReplica

SKU = "SKU-1"


@pytest.fixture
def replica() -> AvailabilityReplica:
    """Two places with 6 and 4 units."""
    nobody = cast(Any, None)
    found = AvailabilityReplica(nobody, lambda _learn: nobody, lambda _board: nobody)
    found.learn([(SKU, "east", 6, 1), (SKU, "west", 4, 1)])
    return found


def seen(replica: AvailabilityReplica, channel_id: str, *, holding: bool = False) -> dict[str, int]:
    return dict(replica.bare(channel_id, holding=holding).units(SKU))


def test_no_place_promises_more_than_the_channel_may_have_of_all(replica: AvailabilityReplica) -> None:
    """Held, withheld and limited units are nowhere in particular, so they limit every place."""
    replica.learn(
        [
            (SKU, "", -1, 1),
            (SKU, "@*", -4, 1),
            (SKU, "<*", 2_000_000_000, 1),
            (SKU, "@app", 0, 1),
            (SKU, "<app", 2_000_000_000, 1),
            (SKU, "@market", -4, 1),
            (SKU, "<market", 2, 1),
        ]
    )

    assert seen(replica, "web") == {"east": 5, "west": 4}
    assert seen(replica, "app") == {"east": 6, "west": 4}
    assert seen(replica, "market") == {"east": 2, "west": 2}
    assert seen(replica, "market", holding=True) == {"east": 6, "west": 4}


def test_a_newer_figure_replaces_an_older_one(replica: AvailabilityReplica) -> None:
    replica.learn([(SKU, "", 0, 1), (SKU, "@*", -10, 1), (SKU, "<*", 9, 1)])
    replica.learn([(SKU, "@*", -8, 2), (SKU, "@*", -10, 1)])

    assert seen(replica, "web") == {"east": 2, "west": 2}


def test_without_a_pool_every_channel_sees_what_is_there(replica: AvailabilityReplica) -> None:
    assert seen(replica, "web") == seen(replica, "app") == {"east": 6, "west": 4}
