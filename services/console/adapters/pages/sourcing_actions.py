"""What a planner does to rules: write a draft, check it, activate it, go back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from aljibe.orders.v1 import rules_pb2
from services.console.adapters.doors import CALL_SECONDS
from services.console.adapters.page import Console, Form, form_of
from services.console.adapters.pages.orders import local_time
from services.console.adapters.session import Person

MAX_NOTE_LENGTH = 500


class SourcingActions:
    """Handlers of the forms; each change is one call with the person's own token."""

    async def save(self, console: Console, request: Request, person: Person) -> Response:
        """Keep what was written as a draft, or only say what is wrong with it; what is wrong is shown beside
        what was written, so that nothing has to be typed again.
        """
        form = form_of(request)
        document, number = form.get("document", ""), int(form.get("number") or 0)
        checked = await console.doors.rules.ValidateRules(
            rules_pb2.ValidateRulesRequest(document=document),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        if checked.problems or form.get("what") == "check":
            return console.render(
                request,
                person,
                "sourcing/edit.html",
                status=422 if checked.problems else 200,
                version=None,
                number=number or None,
                document=document,
                note=form.get("note", ""),
                problems=checked.problems,
                valid=checked.rules_version,
                revision=int(form.get("revision") or 0),
            )
        kept = await self._keep(console, person, form, number)
        return console.done(
            request, person, "sourcing.saved", back=f"/sourcing/rules/{kept.number}", number=kept.number
        )

    async def _keep(
        self, console: Console, person: Person, form: Form, number: int
    ) -> rules_pb2.RulesVersion:
        note = form.get("note", "")[:MAX_NOTE_LENGTH]
        if not number:
            created = await console.doors.rules.CreateRules(
                rules_pb2.CreateRulesRequest(
                    request_id=form.get("request_id", ""), document=form.get("document", ""), note=note
                ),
                metadata=person.metadata,
                timeout=CALL_SECONDS,
            )
            return created.rules
        updated = await console.doors.rules.UpdateRules(
            rules_pb2.UpdateRulesRequest(
                request_id=form.get("request_id", ""),
                number=number,
                expected_revision=int(form.get("revision") or 0),
                document=form.get("document", ""),
                note=note,
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return updated.rules

    async def activate(self, console: Console, request: Request, person: Person) -> Response:
        """Have a version hold, from now or a time on."""
        form, number = form_of(request), request.path_params["number"]
        wanted = rules_pb2.ActivateRulesRequest(
            request_id=form.get("request_id", ""),
            number=number,
            expected_revision=int(form.get("revision") or 0),
            replace_planned=bool(form.get("replace")),
            note=form.get("note", "")[:MAX_NOTE_LENGTH],
        )
        for field, stamp in (("from", "effective_from"), ("until", "effective_until")):
            text = form.get(field, "").strip()
            if not text:
                continue
            time = local_time(text, person.texts.zone)
            if time is None:
                sentence = person.texts("sourcing.bad_time", text=text[:40])
                return console.refused(request, person, sentence)
            getattr(wanted, stamp).FromDatetime(time)
        await console.doors.rules.ActivateRules(wanted, metadata=person.metadata, timeout=CALL_SECONDS)
        return console.done(request, person, "sourcing.activated_done", number=number)

    async def roll_back(self, console: Console, request: Request, person: Person) -> Response:
        """Have a version that held before hold again, at once."""
        form, number = form_of(request), request.path_params["number"]
        await console.doors.rules.RollBackRules(
            rules_pb2.RollBackRulesRequest(
                request_id=form.get("request_id", ""),
                number=number,
                note=form.get("note", "")[:MAX_NOTE_LENGTH],
            ),
            metadata=person.metadata,
            timeout=CALL_SECONDS,
        )
        return console.done(request, person, "sourcing.rolled_back", number=number)
