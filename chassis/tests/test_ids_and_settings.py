"""Ids that sort by time and follow from requests; settings that explain themselves."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import time_ns
from uuid import RFC_4122, UUID

import pytest
import uuid_utils

from chassis import ids
from chassis.ids import InvalidId, derived_id, id_pattern, new_id, parse_id
from chassis.settings import ChassisSettings, SettingsError, read, split_listen


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [new_id("ord") for _ in range(1000)]

    assert made == sorted(made)
    assert len(set(made)) == 1000


def test_every_fresh_id_is_a_uuid_of_version_7_made_now() -> None:
    before = time_ns() // 1_000_000
    made = [parse_id(new_id("ord"), "ord") for _ in range(100)]
    after = time_ns() // 1_000_000

    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {RFC_4122}
    assert all(before <= one.int >> 80 <= after for one in made)


def test_a_clock_that_is_put_back_makes_no_id_twice_and_none_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_id("ord")]
    monkeypatch.setattr(ids, "time_ns", lambda: time_ns() - 3_600_000_000_000)

    made += [new_id("ord") for _ in range(100)]

    assert made == sorted(set(made))


def test_ids_outlast_the_numbers_of_a_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time_ns() + 1_000_000_000
    monkeypatch.setattr(ids, "time_ns", lambda: now)

    new_id("x")
    assert ids._burst is not None
    ids._burst.numbers = count((1 << 20) - 50)

    made = [new_id("x") for _ in range(100)]

    assert len(set(made)) == len(made)
    assert made == sorted(made)


def test_threads_never_make_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [
            one for some in pool.map(lambda _: [new_id("x") for _ in range(2_000)], range(8)) for one in some
        ]

    assert len(set(made)) == len(made)


def test_a_forked_child_makes_ids_of_its_own() -> None:
    new_id("x")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_id("x").encode())
        os._exit(0)
    os.waitpid(child, 0)

    told = os.read(reading, 100).decode()

    # The numbers would go on from the parent's: same time and random bits, next number.
    assert told[:-8] != new_id("x")[:-8]


def test_an_id_is_the_typeid_of_its_uuid() -> None:
    # The example of the TypeID specification.
    assert parse_id("prefix_01h455vb4pex5vsknk084sn02q", "prefix") == UUID(
        "01890a5d-ac96-774b-bcce-b302099a8057"
    )


@pytest.mark.parametrize(
    "text",
    ["", "ord", "ord_", "rsv_01h455vb4pex5vsknk084sn02q", "ord_81h455vb4pex5vsknk084sn02q",
    "ord_01h455vb4pex5vsknk084sn02", "ord_01H455VB4PEX5VSKNK084SN02Q", "ord_01h455vb4pex5vsknk084sn02u",
    "ord_01h455vb4pax5vsknk084sn02q",
     "ord_00000000000000000000000000"], )  # fmt: skip
def test_what_is_no_id_is_refused_by_parser_and_pattern_alike(text: str) -> None:
    with pytest.raises(InvalidId):
        parse_id(text, "ord")
    assert id_pattern("ord").fullmatch(text) is None


def test_an_id_follows_from_its_request_and_keeps_its_time() -> None:
    request = str(uuid_utils.uuid7())

    first, again = derived_id("ord", "web", request_id=request), derived_id("ord", "web", request_id=request)
    other = derived_id("ord", "app", request_id=request)
    typed = derived_id("ord", request_id=f"req_{new_id('x')[2:]}")

    assert first == again != other
    assert parse_id(first, "ord").int >> 80 == UUID(request).int >> 80
    assert (parse_id(first, "ord").version, parse_id(typed, "ord").version) == (7, 7)


def test_an_id_follows_from_any_text_too() -> None:
    assert parse_id(derived_id("ord", request_id="basket 7"), "ord").version == 8
    assert derived_id("a", "bc", request_id="x") != derived_id("a", "b", "c", request_id="x")


@dataclass(frozen=True, kw_only=True)
class Mine(ChassisSettings):
    needed: int
    flags: tuple[str, ...] = ()
    folder: Path | None = None


def test_settings_come_from_the_environment_with_their_types() -> None:
    environ = {
        "ALJIBE_NEEDED": "7",
        "ALJIBE_FLAGS": "a, b",
        "ALJIBE_FOLDER": "/x",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
        "ALJIBE_TEST_SETTINGS": "1",
        "ALJIBE_DB_PASSWORD": "secret",
    }

    mine = read(Mine, environ)

    assert (mine.needed, mine.flags, mine.folder) == (7, ("a", "b"), Path("/x"))
    assert (mine.trace_ratio, mine.test_settings, mine.pool_max) == (0.25, True, 8)
    assert "secret" not in repr(mine)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "ALJIBE_NEEDED is not set"),
        ({"ALJIBE_NEEDED": "x"}, "ALJIBE_NEEDED must be a whole number, not 'x'"),
        (
            {"ALJIBE_NEEDED": "1", "ALJIBE_TEST_SETTINGS": "maybe"},
            "ALJIBE_TEST_SETTINGS must be true or false, not 'maybe'",
        ),
    ],
)
def test_a_wrong_setting_is_one_clear_line(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(Mine, environ)
    assert str(caught.value) == message


def test_a_listen_address_has_host_and_port() -> None:
    assert split_listen("[::1]:80") == ("::1", 80)
    for wrong in ("localhost", "x:y", "x:70000"):
        with pytest.raises(SettingsError):
            split_listen(wrong)
