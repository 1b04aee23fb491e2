"""`aljibe rules`: what orders is asked, and what a person sees. The service is a stub; its real door is
tested with orders.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from aljibe.orders.v1 import rules_pb2 as pb
from aljibe.orders.v1 import rules_pb2_grpc
from chassis.auth import TokenVerifier, current_principal, development_keys
from chassis.errors import ErrorRule, ErrorTable
from chassis.refusals import InvalidRequest, Violation
from chassis.server import Server
from chassis.settings import ChassisSettings
from cli.doors import key_file
from cli.tests.conftest import Ran, aljibe

DOCUMENT = json.dumps({"name": "Autumn", "currency": "EUR"})


class _RulesInvalid(InvalidRequest):
    """As orders refuses a document."""


class _Rules(rules_pb2_grpc.SourcingRulesServiceServicer):
    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.roles: set[str] = set()
        self.invalid = False

    def _heard(self, request: Any) -> None:
        self.requests.append(request)
        self.roles |= current_principal().roles

    def _version(self, number: int, document: str = DOCUMENT) -> pb.RulesVersion:
        return pb.RulesVersion(
            number=number, name="Autumn", state=pb.RULES_STATE_DRAFT, document=document, revision=4
        )

    def _refuse(self) -> None:
        if self.invalid:
            raise _RulesInvalid([Violation("costs.parcel_fixed", "VALUE_NEGATIVE", "-1 is negative")])

    async def CreateRules(self, request: Any, context: Any) -> Any:  # noqa: N802 - the contract's name
        self._heard(request)
        self._refuse()
        return pb.CreateRulesResponse(rules=self._version(7, request.document))

    async def UpdateRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        self._refuse()
        return pb.UpdateRulesResponse(rules=self._version(request.number, request.document))

    async def ValidateRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        found = [pb.RulesProblem(path="name", reason="FIELD_MISSING", message="this is missing")]
        return pb.ValidateRulesResponse(problems=found if self.invalid else [], rules_version="abc")

    async def GetRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        return pb.GetRulesResponse(rules=self._version(request.number))

    async def ListRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        return pb.ListRulesResponse(rules=[self._version(7, "")], current_number=5)

    async def ActivateRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        return pb.ActivateRulesResponse(rules=self._version(request.number))

    async def RollBackRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        return pb.RollBackRulesResponse(rules=self._version(request.number))

    async def DiffRules(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        return pb.DiffRulesResponse(
            differences=[pb.RulesDifference(path="split.most_parcels", before="0", after="2")]
        )

    async def ListRulesChanges(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._heard(request)
        change = pb.RulesChange(
            number=7,
            kind=pb.RULES_CHANGE_KIND_UPDATED,
            actor="ana",
            note="why [/b]",
            differences=[pb.RulesDifference(path="split.most_parcels", before="0", after="2")],
        )
        return pb.ListRulesChangesResponse(changes=[change])


class Desk:
    """The stub, and the command led to it."""

    def __init__(self, data: Path, stub: _Rules) -> None:
        self.data = data
        self.stub = stub
        self.file = data / "rules.json"
        self.file.write_text(DOCUMENT)

    def rules(self, *arguments: str) -> Ran:
        """Run `aljibe rules`."""
        return aljibe("rules", *arguments, "--data", str(self.data))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A stub of the rules' door on a loop of its own."""

    keys = development_keys(key_file(tmp_path).parent)
    stub = _Rules()
    table = ErrorTable(
        "tests.aljibe.dev",
        [ErrorRule(_RulesInvalid, grpc.StatusCode.INVALID_ARGUMENT, "RULES_INVALID", "tienen errores")],
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Server:
        server = Server(
            ChassisSettings(service_name="tests", grpc_listen="127.0.0.1:0"),
            [
                (
                    rules_pb2_grpc.add_SourcingRulesServiceServicer_to_server,
                    stub,
                    pb.DESCRIPTOR.services_by_name["SourcingRulesService"],
                )
            ],
            table=table,
            verifier=TokenVerifier(keys.public_keys_file),
        )
        await server.start()
        await server.ready()
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    (tmp_path / "platform.json").write_text(json.dumps({"grpc": {"orders": f"127.0.0.1:{server.port}"}}))
    yield Desk(tmp_path, stub)
    asyncio.run_coroutine_threadsafe(server.drain(0), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_draft_is_created_from_a_file_by_a_planner(desk: Desk) -> None:
    ran = desk.rules("create", str(desk.file), "--note", "why")

    (request,) = desk.stub.requests
    assert ran.code == 0
    assert (request.document, request.note) == (DOCUMENT, "why")
    assert request.request_id
    assert desk.stub.roles == {"planner"}
    assert re.search(r"State\s+draft", ran.out)


def test_errors_of_a_document_are_a_table(desk: Desk) -> None:
    """For a person; a script gets them as JSON."""
    desk.stub.invalid = True

    ran = desk.rules("create", str(desk.file), "--lang", "es")
    script = desk.rules("create", str(desk.file), "--json")

    assert ran.code == 1
    assert re.search(r"costs\.parcel_fixed\s+VALUE_NEGATIVE\s+-1 is negative", ran.out)
    assert script.error["violations"][0]["field"] == "costs.parcel_fixed"


def test_a_document_is_validated_without_being_kept(desk: Desk) -> None:
    good = desk.rules("validate", str(desk.file))
    desk.stub.invalid = True
    bad = desk.rules("validate", str(desk.file), "--lang", "es")

    assert (good.code, bad.code) == (0, 1)
    assert "nothing is wrong" in good.out
    assert re.search(r"name\s+FIELD_MISSING\s+this is missing", bad.out)


def test_a_draft_is_edited_at_the_revision_that_was_read(desk: Desk) -> None:
    """So that what another planner wrote meanwhile is not overwritten."""
    desk.file.write_text(DOCUMENT.replace("Autumn", "Winter"))

    ran = desk.rules("edit", "7", str(desk.file))

    update = desk.stub.requests[-1]
    assert ran.code == 0
    assert (update.number, update.expected_revision) == (7, 4)
    desk.file.write_text(DOCUMENT)
    assert desk.rules("edit", "7", str(desk.file)).code == 2


def test_what_was_typed_in_the_editor_is_not_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused edit stands in a file that is named."""
    typed = desk.data / "typed.sh"
    typed.write_text('#!/bin/sh\nsed -i s/Autumn/Winter/ "$1"\n')
    typed.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(typed))
    monkeypatch.setenv("EDITOR", str(typed))
    monkeypatch.setenv("TMPDIR", str(desk.data))
    monkeypatch.setattr("tempfile.tempdir", str(desk.data))
    desk.stub.invalid = True

    ran = desk.rules("edit", "7", "--json")

    (kept,) = desk.data.glob("aljibe-rules-7-*.json")
    assert ran.code == 1
    assert "Winter" in kept.read_text()
    assert str(kept) in ran.err


def test_versions_are_shown_listed_and_compared(desk: Desk) -> None:
    """Without a number it is the version that holds."""
    shown = desk.rules("show")
    only = desk.rules("show", "7", "--document")
    listed = desk.rules("list", "--state", "draft")
    compared = desk.rules("diff", "7")

    assert '"name"' in shown.out
    assert [one.number for one in desk.stub.requests if isinstance(one, pb.GetRulesRequest)] == [5, 7]
    assert json.loads(only.out) == json.loads(DOCUMENT)
    assert re.search(r"7\s+Autumn\s+draft", listed.out)
    assert desk.stub.requests[-1].before_number == 5
    assert re.search(r"split\.most_parcels\s+0\s+2", compared.out)
    assert desk.rules("show", "7", "--json").document["rules"]["document"]["name"] == "Autumn"
    assert desk.rules("list", "--state", "odd").code == 2


def test_activation_names_its_time_and_a_roll_back_its_version(desk: Desk) -> None:
    planned = desk.rules(
        *("activate", "7", "--from", "2026-12-01T06:00:00+00:00", "--until", "2026-12-24T18:00:00+00:00"),
        *("--revision", "4", "--replace-planned", "--note", "season"),
    )
    back = desk.rules("rollback", "0")
    history = desk.rules("history", "7")

    activate, roll_back, listed = desk.stub.requests
    assert (planned.code, back.code) == (0, 0)
    assert (activate.number, activate.expected_revision, activate.replace_planned) == (7, 4, True)
    assert (activate.effective_from.seconds, activate.effective_until.seconds) == (
        1_796_104_800,
        1_798_135_200,
    )
    assert (roll_back.number, listed.number) == (0, 7)
    assert re.search(r"ana\s+7\s+changed\s+why \[/b\]\s+split\.most_parcels: 0 → 2", history.out)


@pytest.mark.parametrize("arguments", [("create", "missing.json"), ("activate", "7", "--from", "soon")])
def test_what_cannot_be_read_is_asked_of_nobody(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert desk.rules(*arguments).code in (1, 2)
    assert desk.stub.requests == []
