from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.console.adapters.texts import Texts, accepted_language

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def texts(language: str = "en", zone: str = "UTC") -> Texts:
    return Texts(language, zone, now=lambda: NOON)


def test_numbers_and_money_are_written_as_the_language_does() -> None:
    assert texts("en").number(12345.678, 1) == "12,345.7"
    assert texts("es").number(12345.678, 1) == "12.345,7"
    assert texts("en").money(123456, "USD") == "USD\u00a01,234.56"
    assert texts("es").money(-50, "EUR") == "−0,50\u00a0EUR"
    assert texts("en").money(1500, "JPY") == "JPY\u00a01,500"


def test_a_time_of_today_is_the_hour_alone_in_the_persons_zone() -> None:
    time = Timestamp(seconds=int(datetime(2026, 11, 22, 5, 30, tzinfo=UTC).timestamp()))

    shown = texts("en", "Europe/Madrid").when(time)

    assert ">06:30<" in shown
    assert 'datetime="2026-11-22T05:30:00.000+00:00"' in shown


def test_another_day_is_named_and_another_year_too() -> None:
    assert ">21 nov 09:00<" in texts("es").when(datetime(2026, 11, 21, 9, tzinfo=UTC))
    assert ">5 Jan 2025 09:00<" in texts("en").when(datetime(2025, 1, 5, 9, tzinfo=UTC))


def test_a_time_that_is_not_set_is_nothing() -> None:
    assert texts().when(Timestamp()) == ""
    assert texts().when(None) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (0.0042, "4.2 ms"),
        (0.25, "250 ms"),
        (4.25, "4.2 s"),
        (59.4, "59 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (273_600, "3 d 4 h"),
        (-90, "−1 min 30 s"),
    ],
)
def test_a_span_is_told_in_at_most_two_units(seconds: float, said: str) -> None:
    assert texts().duration(seconds) == said


def test_a_protobuf_span_reads_the_same() -> None:
    assert texts("es").duration(Duration(seconds=4, nanos=200_000_000)) == "4,2 s"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.3, es;q=0.7", "es"),
        ("de, fr;q=0.9", "en"),
        ("es;q=x", "en"),
    ],
)
def test_the_best_accepted_language_is_taken(header: str, language: str) -> None:
    assert accepted_language(header) == language


def test_an_unknown_word_is_told_as_it_is() -> None:
    assert texts("es").word("order_state", "COMPLETED") == "completado"
    assert texts("es").word("order_state", "QUITE_NEW") == "quite new"


def test_a_long_id_shows_its_end_and_keeps_its_whole() -> None:
    shown = texts().ids("ord_01m80tzw8vf1dsjzxv8gqyyr3r")

    assert "ord_…8gqyyr3r" in shown
    assert 'title="ord_01m80tzw8vf1dsjzxv8gqyyr3r"' in shown
