"""What a page is made with: `Console` registers handlers, renders templates, and answers actions."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from functools import cache
from urllib.parse import parse_qsl, quote, urlsplit

import grpc
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.console.adapters import problems
from services.console.adapters.doors import Doors
from services.console.adapters.growing import Growing, Holes, Parts
from services.console.adapters.live import Hub
from services.console.adapters.menu import MENU, Entry
from services.console.adapters.observing import observed
from services.console.adapters.session import FLASH_COOKIE, Person, Sessions
from services.console.adapters.statics import Statics
from services.console.adapters.stream import Streams
from services.console.adapters.texts import LANGUAGE_NAMES
from services.console.config import Settings

MAX_FORM_FIELDS = 2000
_LOG = logging.getLogger(__name__)

Handler = Callable[["Console", Request, Person], Awaitable[Response]]
Regions = Callable[["Console", Request, Person], AsyncIterator[Mapping[str, str]]]
Form = ImmutableMultiDict[str, str]


class BadForm(Exception):
    """A form that is too large, not a form, or not from one of our own pages; the text is a key of words."""


class Console:
    """The shell around every page. One for the process."""

    def __init__(self, settings: Settings, doors: Doors, sessions: Sessions) -> None:
        self.settings = settings
        self.doors = doors
        self.sessions = sessions
        self.hub = Hub()
        self.statics = Statics()
        self.streams = Streams(settings)
        self._paths: set[str] = set()
        self._templates = _templates()

    def page(self, path: str, handler: Handler, roles: Collection[str]) -> Route:
        """A page for these roles: GET. Who is not signed in is asked to; who has another role gets 403."""
        self._paths.add(path)

        async def endpoint(request: Request) -> Response:
            person = self.sessions.person(request)
            if not person.signed_in:
                return self.to_sign_in(request)
            if not person.has_role(*roles):
                return self.problem(request, person, 403)

            async def shown() -> Response:
                try:
                    return await handler(self, request, person)
                except grpc.aio.AioRpcError as error:
                    return self.refused_page(request, person, error)

            return self._kept(request, await observed(request, path, shown))

        return Route(path, endpoint, methods=["GET"])

    def action(self, path: str, handler: Handler, roles: Collection[str]) -> Route:
        """What a form does: POST. The handler reads `form_of(request)`, calls, and answers with `done`. A
        service's refusal is said on the page that the form is on.
        """

        async def endpoint(request: Request) -> Response:
            person = self.sessions.person(request)
            if not person.signed_in:
                return RedirectResponse("/sign-in", 303)
            try:
                await self.read_form(request, person)
            except BadForm as error:
                return self.problem(request, person, 400, str(error))
            if not person.has_role(*roles):
                return self.problem(request, person, 403)

            async def acted() -> Response:
                try:
                    return await handler(self, request, person)
                except grpc.aio.AioRpcError as error:
                    return self.refused(request, person, problems.sentence(error, person.texts))

            return self._kept(request, await observed(request, path, acted))

        return Route(path, endpoint, methods=["POST"])

    def live(self, path: str, regions: Regions, roles: Collection[str]) -> Route:
        """Live news of a page as server-sent events: each mapping that ``regions`` yields replaces the inner
        HTML of the elements with these ids; the key ``title`` is the page's title as text. Use it by
        ``render(…, live="<path>")``.
        """

        async def endpoint(request: Request) -> Response:
            person = self.sessions.person(request)
            if not person.signed_in or not person.has_role(*roles):
                return self.streams.over("signed-out")
            response = self.streams.open(person, lambda: regions(self, request, person))
            return self._kept(request, response)

        return Route(path, endpoint, methods=["GET"])

    def render(
        self,
        request: Request,
        person: Person,
        template: str,
        *,
        status: int = 200,
        live: str = "",
        parts: Parts | None = None,
        **facts: object,
    ) -> Response:
        """A whole page. Templates extend ``base.html``; they know ``t``, ``word``, ``count``, ``number``,
        ``percent``, ``money``, ``when``, ``duration``, ``ids``, ``person``, ``static``, and ``facts``.

        With ``parts`` the page is sent at once, and what belongs at ``hole("<name>")`` when ``parts`` yields
        it; a refusal by then is said in its place.
        """
        flashed = self.sessions.flashed(request)
        holes = Holes(uuid.uuid4().hex)
        context = {
            **self._context(person, self.sessions.csrf(person)),
            "path": request.url.path,
            "query": request.url.query,
            "menu": self.menu(person),
            "live": live,
            "flashed": flashed,
            "languages": LANGUAGE_NAMES,
            "development": self.settings.development_accounts,
            "new_id": lambda: str(uuid.uuid4()),
            "hole": holes.hole,
        }
        html = self._templates.get_template(template).render({**context, **facts})
        headers = {"cache-control": "no-store", "content-language": person.language}
        response: Response
        if parts is None:
            response = HTMLResponse(html, status, headers=headers)
        else:
            response = Growing(
                holes.split(html),
                parts,
                lambda part: self._own(person, part),
                lambda error: self._part_refused(person, error),
                status=status,
                headers=headers,
            )
        if request.cookies.get(FLASH_COOKIE):
            response.delete_cookie(FLASH_COOKIE)
        return self._kept(request, response)

    def fragment(self, person: Person, template: str, **facts: object) -> str:
        """A part of a page as HTML, for `live`: the same for all of one `Person.scope`. Forms in it get their
        hidden fields in the browser.
        """
        context = {**self._context(person, ""), "new_id": lambda: ""}
        return self._templates.get_template(template).render({**context, **facts})

    def _own(self, person: Person, fragment: str) -> str:
        """A fragment within a page: its forms get their hidden fields here, since no script may be there."""
        ours = fragment.replace('name="csrf" value=""', f'name="csrf" value="{self.sessions.csrf(person)}"')
        return re.sub(
            'name="request_id" value=""', lambda _: f'name="request_id" value="{uuid.uuid4()}"', ours
        )

    def _part_refused(self, person: Person, error: Exception) -> str:
        told = (
            problems.sentence(error, person.texts)
            if isinstance(error, grpc.aio.AioRpcError)
            else person.texts("problem.500")
        )
        return self.fragment(person, "shell/part_refused.html", sentence=told)

    def menu(self, person: Person) -> list[Entry]:
        """The pages that the person may see."""
        return [
            entry
            for entry in MENU
            if entry.path in self._paths
            and person.has_role(*entry.roles)
            and (not entry.needs or entry.needs in self.doors.addresses)
        ]

    def done(
        self, request: Request, person: Person, key: str, /, *, back: str = "", **facts: object
    ) -> Response:
        """After an action: back to the form's page (or ``back``), which says the sentence ``key``."""
        response = RedirectResponse(back or self._back(request), 303)
        self.sessions.flash(request, response, "done", person.texts(key, **facts))
        return response

    def refused(self, request: Request, person: Person, sentence: str, *, back: str = "") -> Response:
        """The same for an action that did nothing: the sentence is said as an alert."""
        response = RedirectResponse(back or self._back(request), 303)
        self.sessions.flash(request, response, "refused", sentence)
        return response

    def problem(self, request: Request, person: Person, status: int, key: str = "") -> Response:
        """A page that only says why there is nothing to see: 400, 403, 404, 429, 500 or 503."""
        sentence = person.texts(key or f"problem.{status}")
        return self.render(
            request, person, "shell/problem.html", status=status, sentence=sentence, away=status == 503
        )

    def refused_page(self, request: Request, person: Person, error: grpc.aio.AioRpcError) -> Response:
        """The page for a service's refusal; when the service is away, it loads again by itself."""
        status = problems.http_status(error)
        if status == 401:
            return self.to_sign_in(request)
        if status == 500:
            _LOG.error(
                "a page could not be made", extra={"path": request.url.path, "code": error.code().name}
            )
        return self.render(
            request,
            person,
            "shell/problem.html",
            status=status,
            sentence=problems.sentence(error, person.texts),
            away=problems.is_away(error),
        )

    def to_sign_in(self, request: Request) -> Response:
        """Ask who it is, and come back here after."""
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link from elsewhere comes without our cookie (SameSite=Strict): ask again from our own side.
            return self.render(request, self.sessions.person(request), "shell/again.html", target=target)
        return RedirectResponse(f"/sign-in?next={quote(target)}" if target != "/" else "/sign-in", 303)

    async def read_form(self, request: Request, person: Person) -> Form:
        """The fields of a form that one of the person's own pages sent; `form_of` gives them again.

        Raises:
            BadForm: anything else.
        """
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise BadForm("problem.foreign")
        if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise BadForm("problem.400")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.settings.max_body_bytes:
                raise BadForm("problem.too_large")
        try:
            fields = parse_qsl(
                body.decode(),
                keep_blank_values=True,
                max_num_fields=MAX_FORM_FIELDS,
                strict_parsing=bool(body),
            )
        except ValueError as error:
            raise BadForm("problem.400") from error
        form: Form = ImmutableMultiDict(fields)
        if not self.sessions.csrf_fits(person, form.get("csrf", "")):
            raise BadForm("problem.stale")
        request.state.form = form
        return form

    def _back(self, request: Request) -> str:
        form: Form | None = getattr(request.state, "form", None)
        given = form.get("back", "") if form is not None else ""
        if own_path(given):
            return given
        came = urlsplit(request.headers.get("referer", ""))
        if came.netloc == request.headers.get("host") and own_path(came.path):
            return came.path + (f"?{came.query}" if came.query else "")
        return "/"

    def _context(self, person: Person, csrf: str) -> dict[str, object]:
        texts = person.texts
        return {
            "t": texts,
            "said": texts.said,
            "word": texts.word,
            "count": texts.count,
            "number": texts.number,
            "percent": texts.percent,
            "money": texts.money,
            "when": texts.when,
            "duration": texts.duration,
            "ids": texts.ids,
            "person": person,
            "csrf": csrf,
            "static": self.statics.address,
        }

    def _kept(self, request: Request, response: Response) -> Response:
        if not getattr(request.state, "kept", False):
            request.state.kept = True
            self.sessions.keep(request, response)
        return response


@cache
def _templates() -> Environment:
    """All templates, compiled once, so that the first page is as quick as the next."""
    made = Environment(
        loader=PackageLoader("services.console.adapters"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in made.list_templates():
        made.get_template(name)
    return made


def form_of(request: Request) -> Form:
    """The form that an action was sent."""
    form: Form = request.state.form
    return form


def own_path(target: str) -> bool:
    """Whether this is a path of ours and leads nowhere else."""
    return (
        target.startswith("/")
        and not target.startswith("//")
        and "\\" not in target
        and target.isprintable()
        and len(target) < 2000
    )
