"""A bad item waits longer after each failure; it never keeps the others waiting."""

from __future__ import annotations

import pytest

from chassis import set_aside
from chassis.set_aside import SetAside


def test_each_failure_doubles_the_wait_up_to_the_cap() -> None:
    """A row that nobody mends must not fill the log, and one that is mended must not wait for ever."""
    aside = SetAside("test", first_seconds=1, cap_seconds=5, now=lambda: 0.0)

    waits = [aside.failed("bad", ValueError("no")) for _ in range(4)]

    assert waits == [1, 2, 4, 5]


def test_an_item_is_left_out_until_its_next_try() -> None:
    """Otherwise the oldest bad items would fill every batch and starve the good ones."""
    now = [0.0]
    aside = SetAside("test", first_seconds=1, now=lambda: now[0])

    aside.failed("bad", ValueError("no"))
    early = aside.waiting
    now[0] = 1.5

    assert (early, aside.waiting) == (["bad"], [])


def test_success_forgets_the_failures() -> None:
    """The next failure, a year later, is a first one."""
    aside = SetAside("test", first_seconds=1, now=lambda: 0.0)
    aside.failed("bad", ValueError("no"))
    aside.failed("bad", ValueError("no"))

    aside.done("bad")

    assert aside.failed("bad", ValueError("no")) == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that fails on everything must not also eat the memory."""
    monkeypatch.setattr(set_aside, "MAX_ITEMS", 10)
    aside = SetAside("test", now=lambda: 0.0)

    for number in range(15):
        aside.failed(str(number), ValueError("no"))

    assert len(aside.waiting) == 10
