"""A page is on its way before the last service has answered, and is whole without a script."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from services.console.adapters import growing as growing_pages
from services.console.adapters.growing import Growing, Holes, Parts, at_once, begun

PAGE = "<h1>Order</h1><div>{}</div><div>{}</div><p>end</p>"


def growing(parts: Parts, *names: str) -> Growing:
    """A page with a hole for each name."""
    holes = Holes("mark")
    html = PAGE.format(*map(holes.hole, names))
    return Growing(
        holes.split(html),
        parts,
        lambda part: part.replace("whose", "mine"),
        lambda error: f"<b>{error}</b>",
        status=200,
        headers={},
    )


async def test_the_frame_comes_first_and_each_part_as_soon_as_it_is_there() -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def parts() -> Parts:
        yield {"first": "one"}
        asked.set()
        await answered.wait()
        yield {"first": "one", "second": "two"}

    page = growing(parts(), "first", "second").body_iterator

    assert await anext(aiter(page)) == "<h1>Order</h1><div>"
    assert await anext(aiter(page)) == "one</div><div>"
    answered.set()
    assert [one async for one in page] == ["two</div><p>end</p>"]


async def test_what_is_there_together_is_sent_together_whatever_its_order() -> None:
    async def fetch() -> Mapping[str, str]:
        return {"second": "two", "first": "one"}

    sent = [one async for one in growing(at_once(fetch), "first", "second").body_iterator]

    assert sent == ["<h1>Order</h1><div>", "one</div><div>two</div><p>end</p>"]


async def test_a_failure_is_said_once_and_the_page_ends_well() -> None:
    async def parts() -> Parts:
        yield {"third": "not on this page"}
        raise ValueError("away")

    page = growing(await begun(parts()), "first", "second")

    html = "".join([str(one) async for one in page.body_iterator])
    assert html == '<h1>Order</h1><div><b>away</b></div><div><p class="empty">–</p></div><p>end</p>'


async def test_a_part_that_never_came_is_shown_as_none() -> None:
    async def fetch() -> Mapping[str, str]:
        return {"first": "one"}

    html = "".join([str(one) async for one in growing(at_once(fetch), "first", "second").body_iterator])

    assert html.endswith('one</div><div><p class="empty">–</p></div><p>end</p>')


async def test_who_leaves_ends_what_is_asked_for_them() -> None:
    """A person who goes on to the next page leaves no calls behind."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def parts() -> Parts:
        try:
            asked.set()
            await asyncio.Event().wait()
            yield {}
        finally:
            ended.set()

    page = growing(parts(), "first", "second")

    async def receive() -> dict[str, str]:
        await asked.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        await asyncio.sleep(0)

    await page({"type": "http"}, receive, send)

    assert ended.is_set()


async def test_a_refusal_that_comes_soon_still_decides_the_status() -> None:
    async def fetch() -> Mapping[str, str]:
        raise LookupError("no such order")

    with pytest.raises(LookupError):
        await begun(at_once(fetch))


async def test_a_page_begins_without_the_answer_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_pages, "PATIENCE_SECONDS", 0.0)
    answered = asyncio.Event()

    async def parts() -> Parts:
        await answered.wait()
        yield {"first": "one"}
        raise LookupError("no such order")

    page = aiter(growing(await begun(parts()), "first", "second").body_iterator)

    assert await anext(page) == "<h1>Order</h1><div>"
    answered.set()
    assert "".join([str(one) async for one in page]) == "one</div><div><b>no such order</b></div><p>end</p>"


async def test_who_leaves_before_a_page_has_begun_ends_what_is_asked_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(growing_pages, "PATIENCE_SECONDS", 0.0)
    ended = asyncio.Event()

    async def parts() -> Parts:
        try:
            await asyncio.Event().wait()
            yield {}
        finally:
            ended.set()

    following = await begun(parts())
    await asyncio.sleep(0)
    await following.aclose()

    assert ended.is_set()


async def test_the_forms_of_a_part_are_the_persons_own() -> None:
    async def fetch() -> Mapping[str, str]:
        return {"first": "whose", "second": "whose"}

    html = "".join([str(one) async for one in growing(at_once(fetch), "first", "second").body_iterator])

    assert html.count("mine") == 2


def test_text_that_looks_like_a_hole_is_none() -> None:
    """Every page has a mark of its own that nobody can guess."""
    pieces = Holes("mark").split("<p><!--other:first--></p>")

    assert pieces == [("<p><!--other:first--></p>", "")]
