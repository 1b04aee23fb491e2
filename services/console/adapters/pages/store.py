"""The page Store: a location's work, most pressing first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.fulfillment.v1 import fulfillment_pb2 as pb
from services.console.adapters import floor
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.growing import at_once
from services.console.adapters.page import Console, form_of
from services.console.adapters.session import Person
from services.console.domain.pick_list import Due, due_of, tote

WAITING = ("READY", "IN_TRANSIT")
"""States in which the store can only wait: for a customer, or for a parcel."""
START_AT_ONCE = 4
"""Orders that one walk through the store collects."""


@dataclass(frozen=True, slots=True)
class Job:
    """A fulfillment order on the work list."""

    order: pb.FulfillmentOrder
    state: str
    method: str
    due: Due
    left_seconds: float
    tote: str
    left_units: int
    units: int


def routes(console: Console) -> Sequence[BaseRoute]:
    """The page's routes."""
    return (
        floor.page(console, "/store", show, "work"),
        console.live("/store/live", regions, floor.ROLES),
        floor.action(console, "/store/start", start),
    )


async def show(console: Console, request: Request, person: Person, facts: dict[str, Any]) -> Response:
    """The work list, or the choice of a location."""
    location_id = str(facts["location_id"])

    async def work() -> Mapping[str, str]:
        jobs, more = await jobs_of(console, person, location_id)
        return _shown(console, person, jobs, more, facts)

    return console.render(
        request,
        person,
        "store/work_list.html",
        **facts,
        live=f"/store/live?location={location_id}",
        parts=at_once(work),
    )


async def regions(console: Console, request: Request, person: Person) -> AsyncIterator[Mapping[str, str]]:
    """Its news."""
    facts = floor.page_facts(console, request, person, "work")
    location_id = str(facts["location_id"])
    if not location_id:
        return

    async def fetch() -> Mapping[str, str]:
        jobs, more = await jobs_of(console, person, location_id)
        late = sum(job.due is Due.OVERDUE and job.state not in WAITING for job in jobs)
        shown = _shown(console, person, jobs, more, facts)
        return {**shown, "title": person.texts("store.title_now", jobs=len(jobs), late=late)}

    async for news in console.hub.watch(("store", person.scope, location_id), fetch):
        yield news


def _shown(
    console: Console, person: Person, jobs: Sequence[Job], more: bool, facts: Mapping[str, Any]
) -> Mapping[str, str]:
    return {"jobs": console.fragment(person, "store/jobs.html", **listed(jobs, more), **facts)}


async def start(console: Console, request: Request, person: Person) -> Response:
    """Begin to pick the orders that the form names, then go to the pick list."""
    form = form_of(request)
    ids = [one for one in form.get("ids", "").split() if one][: floor.MAX_WORK]
    for id_ in ids:
        await console.doors.fulfillment.StartPicking(
            pb.StartPickingRequest(request_id=f"{form['request_id']}-{id_[-8:]}", fulfillment_order_id=id_),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
    tail = floor.page_facts(console, request, person, "pick")["tail"]
    return console.done(request, person, "store.started", back=f"/store/pick{tail}", orders=len(ids))


async def jobs_of(console: Console, person: Person, location_id: str) -> tuple[list[Job], bool]:
    """The location's work by due time, and whether there is more."""
    orders, more = await floor.work_of(console, person, location_id)
    return [job_of(order) for order in orders], more


def job_of(order: pb.FulfillmentOrder) -> Job:
    """How a fulfillment order looks on the list now."""
    now = floor.now()
    due_time = floor.moment(order.due_time)
    return Job(
        order,
        floor.state_of(order),
        floor.method_of(order),
        due_of(due_time, now),
        # Whole minutes: what has not changed for a person is not sent again.
        int((due_time - now).total_seconds() // 60 * 60),
        tote(order.fulfillment_order_id),
        sum(floor.left_of(line) for line in order.lines),
        sum(line.quantity_units - line.short_units - line.cancelled_units for line in order.lines),
    )


def listed(jobs: Sequence[Job], more: bool) -> dict[str, Any]:
    """What the template of the list shows: work to do apart from what is still to arrive, and from what only
    waits for its customer.
    """
    todo = [job for job in jobs if job.state not in WAITING]
    fresh = [job for job in todo if job.state == "OPEN"]
    return {
        "todo": todo,
        "ready": [job for job in jobs if job.state == "READY"],
        "coming": [job for job in jobs if job.state == "IN_TRANSIT"],
        "late": sum(job.due is Due.OVERDUE for job in todo),
        "soon": sum(job.due is Due.DUE_SOON for job in todo),
        "next_ids": " ".join(job.order.fulfillment_order_id for job in fresh[:START_AT_ONCE]),
        "next_count": min(len(fresh), START_AT_ONCE),
        "more": more,
    }
