"""`aljibe rules`: the rules of sourcing, as versions that a person writes, activates and goes back to."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

import click
import typer
import uuid_utils
from rich.syntax import Syntax

from aljibe.orders.v1 import rules_pb2 as pb
from cli.controls import moment
from cli.rules_door import RulesDoor, rules_door
from cli.rules_tables import changes, differences, document_json, problems, summary, versions
from cli.session import OK, REFUSED, Session, command, proto_json
from cli.trouble import CallFailed, Trouble, Usage

STATES = ("draft", "planned", "active", "retired")
MOST_SHOWN = 200

_Number = Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="rules.number")]
_File = Annotated[str, typer.Argument(metavar="FILE", help="rules.file")]
_Note = Annotated[str, typer.Option("--note", help="rules.note")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True)
    command(group, "list")(_list)
    command(group, "show")(_show)
    command(group, "create")(_create)
    command(group, "edit")(_edit)
    command(group, "validate")(_validate)
    command(group, "diff")(_diff)
    command(group, "activate")(_activate)
    command(group, "rollback")(_rollback)
    command(group, "history")(_history)
    app.add_typer(group, name="rules")


async def _list(
    session: Session,
    state: Annotated[str, typer.Option("--state", metavar="|".join(STATES), help="rules.of_state")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="rules.limit")] = 50,
) -> None:
    if state and state not in STATES:
        raise Usage("rules.bad_state", text=state, known=", ".join(STATES))
    wanted = pb.RulesState.Value(f"RULES_STATE_{(state or 'unspecified').upper()}")
    async with rules_door(session) as door:
        answer = await door.call("ListRules", pb.ListRulesRequest(state=wanted, page_size=limit))
    session.show(versions(session.texts, answer.rules) if answer.rules else session.texts("rules.none"))
    if answer.current_number == 0:
        session.show(session.texts("rules.built_in_holds"))
    if answer.next_page_token:
        session.show(session.texts("list.more", shown=limit))
    session.document(proto_json(answer))


async def _show(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="[NUMBER]", min=-1, help="rules.number_or_current")] = -1,
    document: Annotated[bool, typer.Option("--document", help="rules.document_only")] = False,
) -> None:
    async with rules_door(session) as door:
        if number < 0:
            number = await _current(door)
        found = (await door.call("GetRules", pb.GetRulesRequest(number=number))).rules
    if document:
        session.show(found.document.rstrip())  # whole lines: it is piped into a file
    else:
        session.show(summary(session.texts, found), Syntax(found.document.rstrip(), "json", word_wrap=True))
    session.document(document_json(found))


async def _create(session: Session, file: _File, note: _Note = "") -> int:
    request = pb.CreateRulesRequest(request_id=_request_id(), document=_text(file), note=note)
    return await _changed(session, "CreateRules", request)


async def _edit(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="rules.draft")],
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="rules.file_or_editor")] = "",
    note: _Note = "",
) -> int:
    async with rules_door(session) as door:
        before = (await door.call("GetRules", pb.GetRulesRequest(number=number))).rules
    text = _text(file) if file else _edited(before.document)
    if not text.strip() or text == before.document:
        raise Usage("rules.unchanged")
    request = pb.UpdateRulesRequest(
        request_id=_request_id(),
        number=number,
        expected_revision=before.revision,
        document=text,
        note=note,
    )
    try:
        return await _changed(session, "UpdateRules", request)
    except CallFailed:
        if not file:
            session.note(session.texts("rules.kept", file=_keep(number, text)))
        raise


async def _validate(session: Session, file: _File) -> int:
    async with rules_door(session) as door:
        answer = await door.call("ValidateRules", pb.ValidateRulesRequest(document=_text(file)))
    session.document(proto_json(answer))
    if not answer.problems:
        session.show(session.texts("rules.valid", version=answer.rules_version))
        return OK
    rows = [(one.path, one.reason, one.message) for one in answer.problems]
    session.show(problems(session.texts, rows))
    return REFUSED


async def _diff(
    session: Session,
    number: _Number,
    before: Annotated[int, typer.Argument(metavar="[BEFORE]", min=-1, help="rules.before")] = -1,
) -> None:
    async with rules_door(session) as door:
        if before < 0:
            before = await _current(door)
        answer = await door.call("DiffRules", pb.DiffRulesRequest(number=number, before_number=before))
    if answer.differences:
        session.show(differences(session.texts, answer.differences, str(before), str(number)))
    else:
        session.show(session.texts("rules.same", number=number, before=before))
    session.document({"number": number, "beforeNumber": before, **proto_json(answer)})


async def _activate(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="rules.number")],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="rules.from")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="rules.until")] = "",
    revision: Annotated[int, typer.Option("--revision", min=0, help="rules.revision")] = 0,
    replace: Annotated[bool, typer.Option("--replace-planned", help="rules.replace")] = False,
    note: _Note = "",
) -> int:
    request = pb.ActivateRulesRequest(
        request_id=_request_id(),
        number=number,
        expected_revision=revision,
        replace_planned=replace,
        note=note,
    )
    if since:
        request.effective_from.CopyFrom(moment(since))
    if until:
        request.effective_until.CopyFrom(moment(until))
    return await _changed(session, "ActivateRules", request)


async def _rollback(session: Session, number: _Number, note: _Note = "") -> int:
    request = pb.RollBackRulesRequest(request_id=_request_id(), number=number, note=note)
    return await _changed(session, "RollBackRules", request)


async def _history(
    session: Session,
    number: Annotated[int, typer.Argument(metavar="[NUMBER]", min=0, help="rules.history_of")] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_SHOWN, help="rules.limit")] = 50,
) -> None:
    request = pb.ListRulesChangesRequest(number=number, page_size=limit)
    async with rules_door(session) as door:
        answer = await door.call("ListRulesChanges", request)
    session.show(changes(session.texts, answer.changes) if answer.changes else session.texts("rules.quiet"))
    if answer.next_page_token:
        session.show(session.texts("list.more", shown=limit))
    session.document(proto_json(answer))


async def _changed(session: Session, method: str, request: Any) -> int:
    """Ask for a change and show the version afterwards, or what is wrong with the document."""
    try:
        async with rules_door(session) as door:
            found = (await door.call(method, request)).rules
    except CallFailed as failed:
        if failed.reason != "RULES_INVALID" or session.json:
            raise
        session.note(failed.message)
        rows = [(one.field, one.reason, one.description) for one in failed.violations]
        session.show(problems(session.texts, rows))
        return REFUSED
    session.show(summary(session.texts, found))
    session.document(document_json(found))
    return OK


async def _current(door: RulesDoor) -> int:
    return int((await door.call("ListRules", pb.ListRulesRequest(page_size=1))).current_number)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble("rules.unreadable", file=file, error=error) from error


def _edited(document: str) -> str:
    try:
        return click.edit(document, extension=".json") or ""
    except click.ClickException as error:
        raise Trouble("rules.no_editor", error=error.message) from error


def _keep(number: int, text: str) -> str:
    """What was typed is not lost with the refusal."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", prefix=f"aljibe-rules-{number}-", suffix=".json", delete=False
    ) as file:
        file.write(text)
    return file.name


def _request_id() -> str:
    return str(uuid_utils.uuid7())
