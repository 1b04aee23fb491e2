"""Plants in what inventory decides: its domain and use cases."""

from __future__ import annotations

import pytest

from tests.plants.planting import edit, plant

CONTRACT = "services/inventory/tests/test_stock_contract.py::"
HOLDS = "services/inventory/tests/test_holds_contract.py::"


@plant(
    "a refused member fails its whole group",
    CONTRACT + "test_a_group_is_decided_in_order_of_arrival_and_a_refused_member_disturbs_nobody",
)
def member_fails_the_group(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.usecases import post

    edit(patch, post.post_in, ("outcomes.append(refusal)", "raise"))


@plant(
    "a request id used again with other content gets the first answer",
    "services/inventory/tests/test_grpc.py::"
    "test_a_repeated_request_gets_the_first_answer_and_other_content_is_refused",
)
def fingerprint_ignored(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.usecases import post

    edit(patch, post._apply, ("elif before.fingerprint != mark.fingerprint:", "elif False:"))


@plant(
    "expiry ends whatever is past its time, also what was committed since it was found",
    CONTRACT + "test_an_expiry_that_comes_after_the_commit_ends_nothing",
)
def expiry_ignores_state(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain.reserving import Expire

    edit(patch, Expire.apply, ("found.state is not State.HELD or ", ""))


@plant(
    "a second release gives the same units back again",
    CONTRACT + "test_units_end_once_consumed_or_released",
)
def release_twice(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain import reserving

    edit(
        patch,
        reserving._chosen,
        (
            "(line, line.live_units) for line in found.lines if line.live_units",
            "(line, line.quantity_units) for line in found.lines",
        ),
    )
    edit(patch, reserving.Release.apply, ("live = min(units, line.live_units)", "live = units"))


@plant(
    "an order is promised what somebody's basket holds",
    HOLDS + "test_nobody_else_is_promised_what_a_basket_holds",
)
def hold_ignored(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain.reserving import Reserve

    edit(patch, Reserve._from_pools, ("if pool is None or not pool.measured:", "if True:"))


@plant("safety stock is promised", CONTRACT + "test_safety_stock_is_not_promised")
def safety_ignored(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain.reserving import Reserve

    edit(patch, Reserve.apply, (" - position.safety_units", ""))


@plant("an order gets the lines there are instead of none", CONTRACT + "test_every_pick_or_none")
def half_a_reservation(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain.reserving import Reserve

    edit(patch, Reserve.apply, ("if shortages:", "if shortages and not lines:"))


@plant(
    "a commit that comes after the expiry takes units that somebody else was promised since",
    CONTRACT + "test_a_commit_that_comes_too_late_tells_what_is_gone",
)
def late_commit_takes_all(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain import reserving

    edit(
        patch,
        reserving._revive,
        ("again = min(wanted, position.available_units) if position.active else 0", "again = wanted"),
    )


@plant(
    "a till takes promised units and the order is not told",
    CONTRACT + "test_a_sale_displaces_the_youngest_held_first_then_the_youngest_committed",
)
def displacement_not_told(patch: pytest.MonkeyPatch) -> None:
    from services.inventory.domain.book import Book

    edit(patch, Book._displace, ("if reservation.accepted:", "if False:"))
