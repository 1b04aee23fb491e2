from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.sourcing_agent import serve
from cli.trouble import Usage

STORES = ("north", "south")
SKUS = ("tea", "milk", "salt")
HISTORY = """week,channel,location,sku,units,lat,lon
1,pos,north,tea,2,,
1,online,,milk,1,41.9,-87.6
2,pos,elsewhere,tea,1,,
2,pos,south,gone,1,,
3,pos,south,salt,4,,
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "history.csv"
    path.write_text(HISTORY)
    return path


def setup(history: Path, stock: dict[str, dict[str, int]] | None = None) -> dict[str, Any]:
    costs = {"unit_cost": 2.15, "parcel_fixed": 6.75}
    return {
        "type": "setup",
        "horizon_weeks": 13,
        "locations": [
            {"id": "north", "kind": "store", "lat": 41.9, "lon": -87.6, **costs},
            {"id": "south", "kind": "store", "lat": 29.8, "lon": -95.4, **costs},
            {
                "id": "hub",
                "kind": "warehouse",
                "lat": 39.7,
                "lon": -105.0,
                "unit_cost": 0.95,
                "parcel_fixed": 6.0,
            },
        ],
        "skus": [{"id": sku, "price": 20.0, "margin": 8.0, "unmet_cost": 28.0} for sku in SKUS],
        "parcel_per_km": 0.002,
        "stock": stock if stock is not None else {"north": {"tea": 3}, "hub": {"milk": 2}},
        "history": str(history),
    }


def order(number: int, *skus: str, t: float = 0.1) -> dict[str, Any]:
    return {"type": "order", "t": t, "id": f"o{number}", "lat": 41.9, "lon": -87.7, "lines": list(skus)}


def talk(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    answers = io.BytesIO()
    assert serve(io.BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in messages)), answers) == 0
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_every_line_gets_one_answer_in_order(history: Path) -> None:
    answers = talk(
        setup(history),
        {"type": "sale", "t": 0.01, "location": "north", "sku": "tea", "units": 1},
        order(1, "tea", "milk"),
        {"type": "tick", "t": 0.2},
        order(2, "salt", "tea", "tea"),
        {"type": "end"},
    )

    assert answers == [
        {"ok": True},
        {"ok": True},
        {"id": "o1", "picks": ["north", "hub"]},
        {"ok": True},
        {"id": "o2", "picks": [None, "north", None]},
        {"ok": True},
    ]


def test_the_process_ends_well_and_says_nothing_else(history: Path) -> None:
    lines = [setup(history), order(1, "tea"), {"type": "end"}]
    command = [str(Path(sys.executable).with_name("aljibe")), "sourcing-agent"]

    done = subprocess.run(
        command, input="\n".join(map(json.dumps, lines)) + "\n", capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()][1] == {"id": "o1", "picks": ["north"]}


@pytest.mark.parametrize(
    "line",
    [
        b"{not json}\n",
        b'{"type":"order","t":0,"id":"o","lat":0,"lon":0,"lines":[]}\n',
        b'{"type":"setup"}\n',
        b"[]\n",
        b'{"type":"dance"}\n',
    ],
)
def test_a_line_that_the_protocol_does_not_have_is_told_by_its_number(line: bytes) -> None:
    with pytest.raises(Usage) as raised:
        serve(io.BytesIO(line), io.BytesIO())

    assert raised.value.fields["number"] == 1


LOCATION = {"id": "north", "kind": "store", "lat": 41.9, "lon": -87.6, "unit_cost": 2, "parcel_fixed": 6}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"history": "/nowhere.csv"}, "/nowhere.csv"),
        ({"horizon_weeks": 0}, "horizon_weeks is 0"),
        ({"parcel_per_km": "far"}, "parcel_per_km is missing or no number"),
        ({"locations": []}, "locations is empty"),
        ({"skus": []}, "skus is empty"),
        ({"locations": [LOCATION, LOCATION]}, "location 'north' is there twice"),
        ({"locations": [LOCATION | {"kind": "van"}]}, "kind is 'van'"),
        ({"locations": [LOCATION | {"lat": 91}]}, "lat is 91"),
        ({"stock": {"moon": {"tea": 1}}}, "unknown location 'moon'"),
        ({"stock": {"north": {"gold": 1}}}, "unknown SKU 'gold'"),
        ({"stock": {"north": {"tea": -1}}}, "tea is -1"),
        ({"stock": {"north": {"tea": 1.5}}}, "units are whole"),
        ({"stock": {"north": {"tea": 10**30}}}, "tea is 1e+30"),
        ({"stock": {"north": 3}}, "no object of units"),
    ],
)
def test_a_setup_that_cannot_be_meant_is_told_what_is_wrong(
    history: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(Usage) as raised:
        talk(setup(history) | change)

    assert words in str(raised.value.fields["error"])


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "sale", "t": 0, "location": "moon", "sku": "tea", "units": 1}, "unknown location 'moon'"),
        ({"type": "sale", "t": 0, "location": "north", "sku": "gold", "units": 1}, "unknown SKU 'gold'"),
        ({"type": "sale", "t": 0, "location": "north", "sku": "tea", "units": -1}, "units is -1"),
        ({"type": "sale", "location": "north", "sku": "tea", "units": 1}, "t is missing"),
        ({"type": "order", "t": 0, "id": "o", "lat": 0, "lon": 0, "lines": ["gold"]}, "unknown SKU 'gold'"),
        ({"type": "order", "t": 0, "id": "o", "lat": 0, "lon": 0, "lines": "tea"}, "lines is missing"),
        ({"type": "order", "t": 0, "id": "o", "lat": 0, "lon": 999, "lines": ["tea"]}, "lon is 999"),
        ({"type": "tick", "t": True}, "t is missing or no number"),
        ({"type": "dance", "t": 0}, "unknown type 'dance'"),
    ],
)
def test_a_line_that_cannot_be_meant_is_told_what_is_wrong(
    history: Path, message: dict[str, Any], words: str
) -> None:
    with pytest.raises(Usage) as raised:
        talk(setup(history), message)

    assert raised.value.fields["number"] == 2
    assert words in str(raised.value.fields["error"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("week,sku\n1,tea\n", "no column channel, location, units, lat, lon"),
        (HISTORY + "four,pos,north,tea,1,,\n", "line 7"),
        (HISTORY + "4,online,,tea,1,,\n", "line 7"),
        (HISTORY + "4,online,,tea,1,95,0\n", "line 7: lat 95"),
        (HISTORY + "4,pos,north,tea,1e300,,\n", "line 7"),
    ],
)
def test_a_history_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(content)

    with pytest.raises(Usage) as raised:
        talk(setup(path))

    assert words in str(raised.value.fields["error"])


@pytest.mark.parametrize(
    "change",
    [
        {"history": ""},
        {"locations": [LOCATION], "stock": {"north": {"tea": 2}}},
        {"locations": [LOCATION | {"kind": "warehouse"}], "stock": {"north": {"tea": 2}}},
        {"stock": {"north": {"tea": 10**9}}},
        {"skus": [{"id": sku, "price": 0, "margin": 0, "unmet_cost": 0} for sku in SKUS]},
        {"skus": [{"id": sku, "price": 1, "margin": -1, "unmet_cost": -1} for sku in SKUS]},
        {"skus": [{"id": sku, "price": 1e9, "margin": 1e9, "unmet_cost": 1e9} for sku in SKUS]},
        {"horizon_weeks": 0.001},
    ],
)
def test_an_unusual_setup_is_served_like_any_other(history: Path, change: dict[str, Any]) -> None:
    answers = talk(
        setup(history) | change,
        order(1, "tea"),
        {"type": "tick", "t": 0.5},
        order(2, "tea", "milk", t=0.6),
        {"type": "end"},
    )

    assert [answers[1]["picks"], answers[3]["picks"][0]] == [["north"], "north"]


def test_a_sale_of_more_than_there_was_empties_the_shelf(history: Path) -> None:
    sale = {"type": "sale", "t": 0.1, "location": "north", "sku": "tea", "units": 10**9}

    answers = talk(setup(history), sale, sale, order(1, "tea"), {"type": "end"})

    assert answers[3]["picks"] == [None]


def test_time_that_goes_back_or_over_the_end_is_the_last_that_was_told(history: Path) -> None:
    def run(*times: float) -> list[dict[str, Any]]:
        events = [
            message
            for number, t in enumerate(times)
            for message in ({"type": "tick", "t": t}, order(number, "tea", t=t))
        ]
        return talk(setup(history), *events, {"type": "end"})

    assert run(0.5, 0.2, -3, 7) == run(0.5, 0.5, 0.5, 1)


def test_a_large_order_is_whole_however_often_a_sku_is_in_it(history: Path) -> None:
    stock = {"north": {"tea": 40, "milk": 3}, "south": {"tea": 60, "salt": 30}, "hub": {"milk": 20}}
    wanted = ["tea", "milk", "salt"] * 35

    picks = talk(setup(history, stock), order(1, *wanted), {"type": "end"})[1]["picks"]

    for sku, units in (("tea", 35), ("milk", 23), ("salt", 30)):
        taken = [at for at, line in zip(picks, wanted, strict=True) if line == sku and at is not None]
        assert len(taken) == units
        assert all(taken.count(at) <= stock[at].get(sku, 0) for at in stock)


def test_a_history_without_sales_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(HISTORY.splitlines()[0] + "\n")

    assert talk(setup(path), order(1, "tea"), {"type": "end"})[1]["picks"] == ["north"]


events = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.sampled_from(STORES), st.sampled_from(SKUS), st.integers(1, 3)),
        st.tuples(st.just("order"), st.lists(st.sampled_from(SKUS), min_size=1, max_size=16)),
        st.tuples(st.just("tick")),
    ),
    max_size=25,
)


@given(events, st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_picks_are_there_and_nothing_is_given_up(
    history: Path, happened: Sequence[tuple[Any, ...]], data: st.DataObject
) -> None:
    units = st.integers(0, 4)
    stock = {at: {sku: data.draw(units) for sku in SKUS} for at in (*STORES, "hub")}
    left = {at: dict(row) for at, row in stock.items()}
    messages: list[dict[str, Any]] = []
    for number, event in enumerate(happened):
        t = number / 30
        if event[0] == "sale":
            messages.append(
                {"type": "sale", "t": t, "location": event[1], "sku": event[2], "units": event[3]}
            )
        elif event[0] == "order":
            messages.append(order(number, *event[1], t=t))
        else:
            messages.append({"type": "tick", "t": t})

    answers = talk(setup(history, stock), *messages, {"type": "end"})[1:-1]

    for message, answer in zip(messages, answers, strict=True):
        if message["type"] == "sale":
            row = left[message["location"]]
            row[message["sku"]] = max(0, row[message["sku"]] - message["units"])
        elif message["type"] == "order":
            for sku, at in zip(message["lines"], answer["picks"], strict=True):
                if at is not None:
                    left[at][sku] -= 1
                    assert left[at][sku] >= 0
            for sku, at in zip(message["lines"], answer["picks"], strict=True):
                assert at is not None or not any(row[sku] for row in left.values())
