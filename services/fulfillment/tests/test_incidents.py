"""What stores tell operations: its states, and through the door its keepers, repeats, pages and events."""

from __future__ import annotations

import grpc
import pytest

from aljibe.fulfillment.v1 import incidents_pb2 as pb
from chassis.ids import new_id
from services.fulfillment.domain.incident import About, Category, Incident, IncidentState, Kind
from services.fulfillment.domain.refusals import IncidentClosed
from services.fulfillment.tests.builders import NOW
from services.fulfillment.tests.conftest import Door
from services.fulfillment.tests.knocking import PICKUP, a_part, heard, opened, refused, request_id

DENIED = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")


def an_incident() -> Incident:
    return Incident(
        incident_id=new_id("inc"),
        kind=Kind.SUGGESTION,
        category=Category.PLACEMENT,
        text="The heavy boxes stand on the top shelf",
        wish="A place near the door",
        about=About("store-1"),
        reporter="ana",
        report_time=NOW,
    )


def a_report(location_id: str = "store-1", **facts: str) -> pb.ReportIncidentRequest:
    return pb.ReportIncidentRequest(
        request_id=request_id(),
        location_id=location_id,
        kind=pb.INCIDENT_KIND_INCIDENT,
        category=pb.INCIDENT_CATEGORY_STOCK_WRONG,
        text="The shelf is empty, the book says 4",
        wish="Count the aisle",
        **facts,
    )


def test_an_answer_replaces_the_one_before_until_it_is_closed() -> None:
    incident = an_incident()

    incident.reply("We look", now=NOW, actor="olga")
    incident.reply("Moved", now=NOW, actor="oscar")
    incident.close(now=NOW)

    assert (incident.state, incident.answer, incident.answerer) == (IncidentState.CLOSED, "Moved", "oscar")
    assert incident.version == 4
    with pytest.raises(IncidentClosed):
        incident.reply("Too late", now=NOW, actor="olga")
    with pytest.raises(IncidentClosed):
        incident.close(now=NOW)


async def test_a_store_reports_operations_answer_and_close(door: Door) -> None:
    part = a_part(PICKUP)
    order_id = await opened(door, part)
    operator = door.token("operator", subject="olga", locations=("*",))
    request = a_report(fulfillment_order_id=part.fulfillment_order_id, sku="sku-1")

    told = await door.incidents.ReportIncident(request, metadata=door.associate)
    again = await door.incidents.ReportIncident(request, metadata=door.associate)
    answered = await door.incidents.AnswerIncident(
        pb.AnswerIncidentRequest(
            request_id=request_id(), incident_id=told.incident.incident_id, answer="Counted at noon"
        ),
        metadata=operator,
    )
    closed = await door.incidents.CloseIncident(
        pb.CloseIncidentRequest(request_id=request_id(), incident_id=told.incident.incident_id),
        metadata=operator,
    )

    assert told == again
    assert told.incident.state == pb.INCIDENT_STATE_OPEN
    assert (told.incident.order_id, told.incident.reporter) == (order_id, "ana")
    assert (answered.incident.state, answered.incident.answerer) == (pb.INCIDENT_STATE_ANSWERED, "olga")
    assert closed.incident.state == pb.INCIDENT_STATE_CLOSED
    seen = await door.incidents.GetIncident(
        pb.GetIncidentRequest(incident_id=told.incident.incident_id), metadata=door.associate
    )
    assert seen.incident == closed.incident
    kinds = []
    async for kind, payload in heard(door):
        if kind.startswith("Incident"):
            kinds.append(kind)
            assert b"shelf is empty" not in payload
        if kind == "IncidentClosed":
            break
    assert kinds == ["IncidentReported", "IncidentAnswered", "IncidentClosed"]


async def test_a_closed_one_is_neither_answered_nor_closed_again(door: Door) -> None:
    operator = door.token("operator", locations=("*",))
    told = await door.incidents.ReportIncident(a_report(), metadata=door.associate)
    close = pb.CloseIncidentRequest(request_id=request_id(), incident_id=told.incident.incident_id)
    await door.incidents.CloseIncident(close, metadata=operator)

    answers = [
        await refused(
            door.incidents.AnswerIncident(
                pb.AnswerIncidentRequest(
                    request_id=request_id(), incident_id=told.incident.incident_id, answer="Late"
                ),
                metadata=operator,
            )
        ),
        await refused(
            door.incidents.CloseIncident(
                pb.CloseIncidentRequest(request_id=request_id(), incident_id=told.incident.incident_id),
                metadata=operator,
            )
        ),
    ]

    assert answers == [(grpc.StatusCode.FAILED_PRECONDITION, "INCIDENT_CLOSED")] * 2


async def test_another_store_neither_reports_here_nor_reads(door: Door) -> None:
    told = await door.incidents.ReportIncident(a_report(), metadata=door.associate)
    stranger = door.token("associate", locations=("store-2",))

    answers = [
        await refused(door.incidents.ReportIncident(a_report(), metadata=stranger)),
        await refused(
            door.incidents.GetIncident(
                pb.GetIncidentRequest(incident_id=told.incident.incident_id), metadata=stranger
            )
        ),
        await refused(
            door.incidents.ListIncidents(pb.ListIncidentsRequest(location_id="store-1"), metadata=stranger)
        ),
        await refused(door.incidents.ListIncidents(pb.ListIncidentsRequest(), metadata=stranger)),
    ]

    assert answers == [DENIED] * 4


async def test_what_a_report_names_must_be_there(door: Door) -> None:
    part = a_part(PICKUP)
    await opened(door, part)
    operator = door.token("operator", locations=("*",))
    elsewhere = a_report("store-2", fulfillment_order_id=part.fulfillment_order_id)
    unknown = pb.CloseIncidentRequest(request_id=request_id(), incident_id="inc_none")

    answers = [
        await refused(door.incidents.ReportIncident(a_report("nowhere"), metadata=operator)),
        await refused(door.incidents.ReportIncident(elsewhere, metadata=operator)),
        await refused(door.incidents.CloseIncident(unknown, metadata=operator)),
    ]

    assert answers == [
        (grpc.StatusCode.NOT_FOUND, "LOCATION_UNKNOWN"),
        (grpc.StatusCode.NOT_FOUND, "FULFILLMENT_ORDER_UNKNOWN"),
        (grpc.StatusCode.NOT_FOUND, "INCIDENT_UNKNOWN"),
    ]


async def test_incidents_are_listed_newest_first_by_place_state_and_kind_in_pages(door: Door) -> None:
    operator = door.token("operator", locations=("*",))
    ids = []
    for number, location_id in enumerate(["store-1", "store-2", "store-1", "store-1"]):
        report = a_report(location_id)
        report.kind = pb.INCIDENT_KIND_SUGGESTION if number == 3 else pb.INCIDENT_KIND_INCIDENT
        told = await door.incidents.ReportIncident(report, metadata=operator)
        ids.append(told.incident.incident_id)
    await door.incidents.CloseIncident(
        pb.CloseIncidentRequest(request_id=request_id(), incident_id=ids[0]), metadata=operator
    )

    async def listed(**filters: object) -> list[str]:
        request = pb.ListIncidentsRequest(page_size=1, **filters)  # type: ignore[arg-type]
        found = []
        while True:
            page = await door.incidents.ListIncidents(request, metadata=operator)
            found += [one.incident_id for one in page.incidents]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    assert await listed() == ids[::-1]
    assert await listed(location_id="store-1") == [ids[3], ids[2], ids[0]]
    assert await listed(states=[pb.INCIDENT_STATE_OPEN]) == [ids[3], ids[2], ids[1]]
    assert await listed(kind=pb.INCIDENT_KIND_SUGGESTION) == [ids[3]]


async def test_incidents_about_an_order_are_found_by_it(door: Door) -> None:
    """What went wrong with an order belongs to its life, whatever location told it."""
    operator = door.token("operator", locations=("*",))
    told = []
    for order_id, location_id in (
        ("ord_a", "store-1"),
        ("ord_b", "store-1"),
        ("ord_a", "store-2"),
        ("", "store-1"),
    ):
        report = a_report(location_id)
        report.order_id = order_id
        told.append((await door.incidents.ReportIncident(report, metadata=operator)).incident)

    async def about(**filters: str) -> list[str]:
        request = pb.ListIncidentsRequest(**filters)  # type: ignore[arg-type]
        answer = await door.incidents.ListIncidents(request, metadata=operator)
        return [one.incident_id for one in answer.incidents]

    assert await about(order_id="ord_a") == [told[2].incident_id, told[0].incident_id]
    assert await about(order_id="ord_a", location_id="store-1") == [told[0].incident_id]
    assert await about(order_id="ord_none") == []
