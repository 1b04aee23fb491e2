"""Traces as waterfalls, and services on their map."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.console.domain.service_map import Link, layout
from services.console.domain.waterfall import ALIKE_SHOWN, Span, Waterfall, waterfall

BEGIN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_span(
    name: str, parent: str = "", start: float = 0.0, seconds: float = 1.0, *, failed: bool = False
) -> Span:
    return Span(name, parent, "orders", name, BEGIN + timedelta(seconds=start), seconds, failed)


def drawn(spans: list[Span], root: str = "", most_rows: int = 200) -> Waterfall:
    found = waterfall(spans, root=root, most_rows=most_rows)
    assert found is not None
    return found


def test_children_stand_below_their_parents_in_order_of_time() -> None:
    spans = [a_span("late", "root", 0.6, 0.2), a_span("root"), a_span("early", "root", 0.1, 0.3)]

    rows = drawn(spans).rows

    assert [(row.span.name, row.depth) for row in rows] == [("root", 0), ("early", 1), ("late", 1)]
    assert [row.offset for row in rows] == pytest.approx([0, 0.1, 0.6])
    assert [row.width for row in rows] == pytest.approx([1, 0.3, 0.2])


def test_own_time_is_what_no_child_accounts_for() -> None:
    spans = [a_span("root"), a_span("a", "root", 0.1, 0.4), a_span("b", "root", 0.3, 0.4)]

    assert drawn(spans).rows[0].own_seconds == pytest.approx(0.4)


def test_a_span_whose_parent_is_missing_is_shown_and_circles_end() -> None:
    spans = [a_span("lost", "elsewhere"), a_span("a", "b"), a_span("b", "a"), a_span("self", "self")]

    assert {row.span.name for row in drawn(spans).rows} == {"lost", "a", "b", "self"}


def test_siblings_alike_are_one_row_but_for_those_that_failed() -> None:
    many = [
        replace(a_span(f"s{number}", "root", number / 20, 0.02, failed=number == 9), name="SELECT")
        for number in range(20)
    ]

    rows = drawn([a_span("root"), *many]).rows

    (group,) = [row for row in rows if row.alike]
    assert group.alike == 20 - ALIKE_SHOWN - 1
    assert [row.span.span_id for row in rows if row.span.failed] == ["s9"]


def test_a_trace_of_a_thousand_spans_has_few_rows_and_tells_how_many_are_hidden() -> None:
    spans = [a_span("root", seconds=200.0)]
    for number in range(200):
        spans.append(a_span(f"step-{number}", "root", number, 0.9))
        spans += [a_span(f"deep-{number}-{at}", f"step-{number}", number + at / 10, 0.05) for at in range(4)]
    spans.append(a_span("broken", "deep-150-3", 150.3, 0.01, failed=True))

    found = drawn(spans, most_rows=300)

    assert found.span_count == 1002
    assert len(found.rows) <= 300
    assert "broken" in {row.span.name for row in found.rows}
    assert found.hidden_count == 1002 - len(found.rows)
    assert sum(row.hidden for row in found.rows) == found.hidden_count


def test_what_is_hidden_can_be_shown_by_itself() -> None:
    spans = [a_span("root"), a_span("a", "root", 0.5, 0.4), a_span("b", "a", 0.6, 0.1)]

    found = drawn(spans, root="a")

    assert [row.span.name for row in found.rows] == ["a", "b"]
    assert (found.rows[0].offset, found.rows[0].width) == (0, 1)
    assert [one.name for one in found.path] == ["root"]


def test_hours_in_which_nothing_ran_are_left_out_and_told() -> None:
    spans = [
        a_span("placed"),
        a_span("picked", "placed", 7200.0, 1.0),
        a_span("packed", "placed", 7200.5, 0.5),
    ]

    placed, picked, packed = drawn(spans).rows

    assert placed.width == pytest.approx(0.5, abs=0.02)
    assert picked.offset == pytest.approx(0.5, abs=0.02)
    assert (placed.waited, picked.waited, packed.waited) == (0, 7199.0, 0)


def test_no_spans_no_waterfall() -> None:
    assert waterfall([]) is None


def test_a_service_stands_right_of_those_that_call_it() -> None:
    links = [
        Link("gateway", "orders", "rpc", 10),
        Link("orders", "inventory", "rpc", 9),
        Link("orders", "postgresql", "database", 20),
        Link("inventory", "postgresql", "database", 5),
        Link("inventory", "orders", "message", 5),
    ]

    found = layout(["catalog"], links)

    x = {box.name: box.x for box in found.boxes}
    assert x["gateway"] < x["orders"] < x["inventory"] < x["postgresql"]
    assert len(found.curves) == len(links)
    assert max(found.curves, key=lambda one: one.weight).link.target == "postgresql"


def test_services_that_call_one_another_are_drawn_once_each() -> None:
    found = layout([], [Link("a", "b", "rpc", 1), Link("b", "a", "rpc", 1), Link("a", "a", "rpc", 1)])

    assert [box.name for box in found.boxes] == ["a", "b"]
    assert len(found.curves) == 2
    assert len({(box.x, box.y) for box in found.boxes}) == 2


def test_boxes_lie_inside_the_drawing_and_apart() -> None:
    found = layout([f"service-{number}" for number in range(7)], [])

    assert len({(box.x, box.y) for box in found.boxes}) == 7
    assert all(0 <= box.x <= found.width and 0 <= box.y <= found.height for box in found.boxes)
