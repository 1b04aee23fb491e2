"""Places on the map."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.console.domain.places_map import HEIGHT, NEAREST_SHOWN, WIDTH, Place, draw, kilometres

CHICAGO = Place("store-chi", 41.88, -87.63, "chosen", 4)
EVANSTON = Place("store-eva", 42.05, -87.69, "other", 1)
DALLAS = Place("wh-dal", 32.78, -96.80, "other", 9)
HOME = Place("Oak Park", 41.89, -87.79, "target")


def test_north_is_up_and_east_is_right() -> None:
    drawing = draw([EVANSTON, DALLAS, CHICAGO], HOME, whole=True)

    assert drawing is not None
    dots = {dot.place.name: dot for dot in drawing.dots}
    assert dots["store-eva"].y < dots["store-chi"].y < dots["wh-dal"].y
    assert dots["wh-dal"].x < dots["store-chi"].x


def test_everything_that_serves_has_a_line_to_where_its_goods_go() -> None:
    drawing = draw([EVANSTON, CHICAGO], HOME)

    assert drawing is not None
    assert drawing.target is not None
    (way,) = drawing.ways
    assert way.name == "store-chi"
    assert way.path.endswith(f"{drawing.target.x} {drawing.target.y}")


def test_a_place_with_more_units_has_a_larger_dot() -> None:
    drawing = draw([EVANSTON, CHICAGO, replace(EVANSTON, name="none", units=0)], HOME)

    assert drawing is not None
    radius = {dot.place.name: dot.radius for dot in drawing.dots}
    assert radius["none"] < radius["store-eva"] < radius["store-chi"]


def test_the_near_view_counts_what_lies_beyond_it() -> None:
    near = [replace(EVANSTON, name=f"store-{number}") for number in range(NEAREST_SHOWN)]

    view = draw([*near, CHICAGO, DALLAS], HOME)
    whole = draw([*near, CHICAGO, DALLAS], HOME, whole=True)

    assert view is not None
    assert whole is not None
    assert (view.outside, whole.outside) == (1, 0)
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in whole.dots)


def test_one_place_alone_has_a_map() -> None:
    drawing = draw([CHICAGO], None)

    assert drawing is not None
    assert (drawing.dots[0].x, drawing.dots[0].y) == (WIDTH / 2, HEIGHT / 2)
    assert drawing.target is None
    assert draw([], None) is None


def test_the_graticule_stands_at_round_degrees_and_names_them() -> None:
    drawing = draw([CHICAGO, DALLAS], None, whole=True)

    assert drawing is not None
    labels = [line.label for line in drawing.graticule]
    assert "40° N" in labels
    assert "90° W" in labels


def test_labels_do_not_lie_on_one_another() -> None:
    twins = [replace(CHICAGO, name=f"store-{number}") for number in range(3)]

    drawing = draw(twins, None)

    assert drawing is not None
    assert sum(1 for dot in drawing.dots if dot.label) == 1


def test_distances_are_great_circles() -> None:
    assert kilometres(CHICAGO, DALLAS) == pytest.approx(1290, rel=0.01)
    assert kilometres(CHICAGO, CHICAGO) == 0
