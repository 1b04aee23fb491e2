"""The pages of sourcing: rules and their versions, prices of stock, reports of simulations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from aljibe.orders.v1 import rules_pb2, stock_prices_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.growing import at_once
from services.console.adapters.menu import OPERATOR, PLANNER, roles_of
from services.console.adapters.page import Console
from services.console.adapters.pages import sourcing_views as views
from services.console.adapters.pages.sourcing_actions import SourcingActions
from services.console.adapters.session import Person
from services.console.domain import rules_text

VERSIONS_SHOWN = 20
CHANGES_SHOWN = 20
MAX_FIELDS_SHOWN = 8
"""Differences of an entry of the history; the others are in the comparison."""
PARTS = ("now", "versions", "reports", "history")
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""Of a report: a file that needs nothing else, runs nothing, and reaches nothing."""
_ROLES = roles_of("sourcing")


class SourcingPage:
    """Handlers of the pages."""

    def __init__(self, reports: views.Reports) -> None:
        self._reports = reports

    async def show(self, console: Console, request: Request, person: Person) -> Response:
        """The rules that hold now, all versions, who changed what, prices and reports."""
        page = request.query_params.get("page", "")[:500]
        return console.render(
            request,
            person,
            "sourcing/page.html",
            may_write=person.has_role(PLANNER, OPERATOR),
            parts=at_once(lambda: self._parts(console, person, page)),
        )

    async def _parts(self, console: Console, person: Person, page: str) -> Mapping[str, str]:
        (versions, current), changes, reports = await asyncio.gather(
            self._versions(console, person, page),
            self._changes(console, person, 0),
            asyncio.to_thread(self._reports.all),
        )
        facts = {
            "current": current,
            "sections": views.sections(current.document, person.texts),
            "versions": versions.rules,
            "paged": bool(page),
            "next_page": versions.next_page_token,
            "changes": changes,
            "reports": reports,
            **_shared(person),
        }
        return {name: console.fragment(person, f"sourcing/{name}.html", **facts) for name in PARTS}

    async def _versions(
        self, console: Console, person: Person, page: str
    ) -> tuple[rules_pb2.ListRulesResponse, rules_pb2.RulesVersion]:
        """A page of them, and the one that holds now."""
        listed = await console.doors.rules.ListRules(
            rules_pb2.ListRulesRequest(page_size=VERSIONS_SHOWN, page_token=page),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return listed, await self._version(console, person, listed.current_number)

    async def version(self, console: Console, request: Request, person: Person) -> Response:
        """One version: what it says, what it changes, who did what to it."""
        number: int = request.path_params["number"]
        version, listed = await asyncio.gather(
            self._version(console, person, number),
            console.doors.rules.ListRules(
                rules_pb2.ListRulesRequest(page_size=200), metadata=person.metadata, timeout=CALL_SECONDS
            ),
        )
        before = _number(request.query_params.get("before", ""))
        if before is None:
            before = listed.current_number if listed.current_number != number else _earlier(listed, number)
        compared, differences, changes = await asyncio.gather(
            self._version(console, person, before),
            console.doors.rules.DiffRules(
                rules_pb2.DiffRulesRequest(number=number, before_number=before),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            ),
            self._changes(console, person, number),
        )
        sections = views.sections(version.document, person.texts)
        return console.render(
            request,
            person,
            "sourcing/version.html",
            version=version,
            sections=sections,
            before=before,
            others=[(0, person.texts("sourcing.rules_built_in")), *_named(listed, person)],
            told=rules_text.changes(views.sections(compared.document, person.texts), sections),
            differences=differences.differences,
            changes=changes,
            document=views.pretty(version.document),
            **_shared(person),
        )

    async def edit(self, console: Console, request: Request, person: Person) -> Response:
        """A draft to write: a new one from another version (``?of=``, else the one that holds now), or one
        that is there.
        """
        number: int | None = request.path_params.get("number")
        of = number if number is not None else _number(request.query_params.get("of", ""))
        if of is None:
            _, version = await self._versions(console, person, "")
        else:
            version = await self._version(console, person, of)
        return console.render(
            request,
            person,
            "sourcing/edit.html",
            version=version,
            number=number,
            document=views.pretty(version.document),
            note="",
            problems=None,
            valid="",
            revision=version.revision,
        )

    async def prices(self, console: Console, request: Request, person: Person) -> Response:
        """What an article's stock is worth at each location."""
        sku = request.query_params.get("sku", "").strip()[:64]
        found = None
        if sku:
            found = await console.doors.stock_prices.GetStockPrices(
                stock_prices_pb2.GetStockPricesRequest(sku=sku),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            )
        return console.render(request, person, "sourcing/prices.html", sku=sku, found=found)

    async def report(self, console: Console, request: Request, person: Person) -> Response:
        """A report of a simulation, in a frame of its own."""
        found = await asyncio.to_thread(self._reports.find, request.path_params["name"])
        if found is None:
            return console.problem(request, person, 404, "sourcing.report_gone")
        return console.render(request, person, "sourcing/report.html", report=found)

    async def report_file(self, console: Console, request: Request, person: Person) -> Response:
        """The report itself, under a policy that lets it do nothing."""
        content = await asyncio.to_thread(self._reports.text, request.path_params["name"])
        if content is None:
            return console.problem(request, person, 404, "sourcing.report_gone")
        return Response(
            content,
            media_type="text/html",
            headers={"content-security-policy": REPORT_POLICY, "cache-control": "no-store"},
        )

    async def _version(self, console: Console, person: Person, number: int) -> rules_pb2.RulesVersion:
        answer = await console.doors.rules.GetRules(
            rules_pb2.GetRulesRequest(number=number), metadata=person.metadata, timeout=CALL_SECONDS
        )
        return answer.rules

    async def _changes(
        self, console: Console, person: Person, number: int
    ) -> Sequence[rules_pb2.RulesChange]:
        answer = await console.doors.rules.ListRulesChanges(
            rules_pb2.ListRulesChangesRequest(number=number, page_size=CHANGES_SHOWN),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return answer.changes


def _shared(person: Person) -> dict[str, Any]:
    return {
        "state_of": views.state_of,
        "kind_of": views.kind_of,
        "plain": rules_text.value,
        "most_fields": MAX_FIELDS_SHOWN,
        "may_activate": person.has_role(PLANNER),
        "may_write": person.has_role(PLANNER, OPERATOR),
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _earlier(listed: rules_pb2.ListRulesResponse, number: int) -> int:
    """The version before; the built-in rules where there is none."""
    return max((one.number for one in listed.rules if one.number < number), default=0)


def _named(listed: rules_pb2.ListRulesResponse, person: Person) -> list[tuple[int, str]]:
    return [
        (one.number, f"{one.number} {one.name} ({person.texts.word('sourcing.state', views.state_of(one))})")
        for one in listed.rules
    ]


def routes(console: Console) -> Sequence[BaseRoute]:
    """The pages' routes."""
    page = SourcingPage(views.Reports(console.settings.reports_folder))
    actions = SourcingActions()
    rules = "/sourcing/rules"
    return (
        console.page("/sourcing", page.show, _ROLES),
        console.page("/sourcing/prices", page.prices, _ROLES),
        console.page(f"{rules}/new", page.edit, (PLANNER, OPERATOR)),
        console.page(f"{rules}/{{number:int}}", page.version, _ROLES),
        console.page(f"{rules}/{{number:int}}/edit", page.edit, (PLANNER, OPERATOR)),
        console.action(f"{rules}/save", actions.save, (PLANNER, OPERATOR)),
        console.action(f"{rules}/{{number:int}}/activate", actions.activate, (PLANNER,)),
        console.action(f"{rules}/{{number:int}}/roll-back", actions.roll_back, (PLANNER,)),
        console.page("/sourcing/reports/{name}", page.report, _ROLES),
        console.page("/sourcing/reports/{name}/file", page.report_file, _ROLES),
    )
