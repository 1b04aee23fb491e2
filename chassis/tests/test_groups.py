"""Group commit: who goes with whom, who gets what answer, and what happens to those who cannot wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from chassis import groups
from chassis.groups import GroupCommit
from chassis.refusals import DeadlineExceeded, Overloaded, Unavailable


class Work:
    """An `execute` that a test holds and lets go, and that remembers its groups."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.most_at_once = 0
        self._now = 0

    async def __call__(self, items: Sequence[str]) -> list[str | Exception]:
        self.groups.append(list(items))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.begun.set()
        await self.gate.wait()
        self._now -= 1
        if "poison" in items:
            raise ValueError("poison")
        return [KeyError(item) if item.startswith("bad") else item.upper() for item in items]


def submit_all(group: GroupCommit[str, str], items: Sequence[str]) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(group.submit(item)) for item in items]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_while_a_group_works_the_next_gathers_in_order_of_arrival() -> None:
    work = Work()
    group = GroupCommit("order", work)

    first = submit_all(group, ["a"])
    await work.begun.wait()
    rest = submit_all(group, ["b", "c", "d"])
    await until(lambda: len(group) == 3)
    work.gate.set()

    assert await asyncio.gather(*first, *rest) == ["A", "B", "C", "D"]
    assert work.groups == [["a"], ["b", "c", "d"]]


async def test_a_group_takes_no_more_than_its_limit() -> None:
    work = Work()
    work.gate.set()
    group = GroupCommit("limit", work, max_group=2)

    await asyncio.gather(*submit_all(group, list("abcde")))

    assert work.groups[0] == ["a"] or len(work.groups[0]) == 2
    assert "".join(item for items in work.groups for item in items) == "abcde"
    assert max(map(len, work.groups)) == 2


async def test_each_member_succeeds_or_fails_alone() -> None:
    work = Work()
    work.gate.set()
    group = GroupCommit("alone", work)

    answers = await asyncio.gather(*submit_all(group, ["a", "bad", "b"]), return_exceptions=True)

    assert (answers[0], type(answers[1]), answers[2]) == ("A", KeyError, "B")


async def test_what_execute_raises_reaches_every_member() -> None:
    work = Work()
    work.gate.set()
    group = GroupCommit("raises", work)

    answers = await asyncio.gather(*submit_all(group, ["a", "poison"]), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError, ValueError]


async def test_a_group_that_one_member_broke_is_tried_one_by_one() -> None:
    work = Work()
    work.gate.set()
    group = GroupCommit("retry", work, retry_alone=lambda error: isinstance(error, ValueError))

    answers = await asyncio.gather(*submit_all(group, ["a", "poison", "b"]), return_exceptions=True)

    assert (answers[0], type(answers[1]), answers[2]) == ("A", ValueError, "B")


async def test_a_wrong_number_of_results_is_nobodys_success() -> None:
    async def short(items: Sequence[str]) -> list[str | Exception]:
        return []

    group: GroupCommit[str, str] = GroupCommit("short", short)

    with pytest.raises(RuntimeError, match="0 results for 1 members"):
        await group.submit("a")


async def test_a_full_queue_refuses() -> None:
    work = Work()
    group = GroupCommit("full", work, max_queue=2)
    tasks = submit_all(group, ["a"])
    await work.begun.wait()
    tasks += submit_all(group, ["b", "c"])
    await until(lambda: len(group) == 2)

    with pytest.raises(Overloaded):
        await group.submit("d")

    work.gate.set()
    assert await asyncio.gather(*tasks) == ["A", "B", "C"]


async def test_a_member_whose_time_ran_out_is_dropped_before_work() -> None:
    work = Work()
    group = GroupCommit("late", work)
    first = submit_all(group, ["a"])
    await work.begun.wait()
    late = asyncio.create_task(group.submit("late", deadline=time.monotonic()))
    good = asyncio.create_task(group.submit("good", deadline=time.monotonic() + 60))
    await until(lambda: len(group) == 2)

    work.gate.set()

    with pytest.raises(DeadlineExceeded):
        await late
    assert (await good, await first[0]) == ("GOOD", "A")
    assert work.groups == [["a"], ["good"]]


async def test_a_member_whose_caller_left_is_dropped_before_work_and_makes_room() -> None:
    work = Work()
    group = GroupCommit("gone", work, max_queue=1)
    first = submit_all(group, ["a"])
    await work.begun.wait()
    gone = submit_all(group, ["gone"])[0]
    await until(lambda: len(group) == 1)
    gone.cancel()
    await asyncio.wait([gone])

    good = submit_all(group, ["good"])
    await until(lambda: len(group) == 1)
    work.gate.set()

    assert await asyncio.gather(*first, *good) == ["A", "GOOD"]
    assert work.groups == [["a"], ["good"]]


async def test_the_others_are_served_when_a_caller_leaves_in_the_midst_of_work() -> None:
    work = Work()
    group = GroupCommit("midst", work)
    submit_all(group, ["a"])
    await work.begun.wait()
    leaver, stayer = submit_all(group, ["leaver", "stayer"])
    await until(lambda: len(group) == 2)
    work.begun.clear()
    work.gate.set()
    await work.begun.wait()

    leaver.cancel()

    assert await stayer == "STAYER"
    assert work.groups[1] == ["leaver", "stayer"]


async def test_lanes_let_several_groups_work_at_once() -> None:
    work = Work()
    group = GroupCommit("lanes", work, max_group=1, lanes=2)

    tasks = submit_all(group, ["a", "b", "c"])
    await until(lambda: len(work.groups) == 2)
    work.gate.set()

    assert await asyncio.gather(*tasks) == ["A", "B", "C"]
    assert work.most_at_once == 2


async def test_closing_finishes_what_waits_and_takes_no_more() -> None:
    work = Work()
    group = GroupCommit("close", work)
    tasks = submit_all(group, ["a"])
    await work.begun.wait()
    tasks += submit_all(group, ["b"])
    await until(lambda: len(group) == 1)

    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await group.submit("c")
    work.gate.set()
    await closing

    assert [task.result() for task in tasks] == ["A", "B"]


async def _one_a_round(group: GroupCommit[str, str], items: Sequence[str]) -> list[asyncio.Task[str]]:
    """Submit one after the other, each a round of the event loop later, as calls come to a busy process."""
    tasks: list[asyncio.Task[str]] = []
    for item in items:
        tasks.append(asyncio.create_task(group.submit(item)))
        await asyncio.sleep(0)
    return tasks


async def test_under_load_who_comes_one_by_one_goes_together() -> None:
    """A group that began with the first of them would cost all the statements of a full one."""
    work = Work()
    work.gate.set()
    group = GroupCommit("gathers", work, lanes=2, gather=True)
    await asyncio.gather(*submit_all(group, ["a", "b"]))

    await asyncio.gather(*await _one_a_round(group, list("cdefghij")))

    assert work.groups == [["a", "b"], list("cdefghij")]


async def test_an_idle_group_waits_for_nobody() -> None:
    """Rounds of the loop that nothing else needs are a delay, however short."""
    begins: list[int] = []
    for gather in (False, True):
        work = Work()
        group = GroupCommit("idle", work, gather=gather)
        task = asyncio.create_task(group.submit("a"))
        rounds = 0
        while not work.begun.is_set():
            await asyncio.sleep(0)
            rounds += 1
        begins.append(rounds)
        work.gate.set()
        assert await task == "A"

    assert begins[0] == begins[1]


async def test_gathering_ends_though_they_come_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "GATHER_SECONDS", 0.005)
    work = Work()
    work.gate.set()
    group = GroupCommit("endless", work, gather=True)
    await asyncio.gather(*submit_all(group, ["a", "b"]))
    tasks: list[asyncio.Task[str]] = []

    async with asyncio.timeout(5):
        while len(work.groups) < 2:
            tasks += await _one_a_round(group, ["x"])

    await asyncio.gather(*tasks)
    assert sum(map(len, work.groups)) == 2 + len(tasks)


async def test_a_group_that_is_full_gathers_no_more_and_the_next_begins_beside_it() -> None:
    work = Work()
    group = GroupCommit("full", work, max_group=2, lanes=2, gather=True)

    tasks = submit_all(group, list("abcde"))
    await until(lambda: len(work.groups) == 2)
    work.gate.set()

    await asyncio.gather(*tasks)
    assert [len(items) for items in work.groups] == [2, 2, 1]
    assert work.most_at_once == 2
