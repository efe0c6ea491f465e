"""What the handlers of DIGITS' routes get, and how they answer: forms as curl sends them, errors as scripts know."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from digits_core.api import prefix
from digits_core.api.answers import STATUS, StrictJSON, fault, refusal
from digits_core.api.request import NoName
from digits_core.errors import DigitsError, InUse, InvalidOptions, NotAllowed, Problem
from digits_core.services.access import NAME, check_user_name
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
COOKIE = "username"
FIELD_BYTES = 5_000_000
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
STATUSES: dict[type[DigitsError], int] = {**STATUS, InUse: 403}
"""As elsewhere, but what another job needs cannot be deleted: 403, as it was."""


@dataclass(frozen=True)
class Asked:
    """One request: who asks, the fields of address and form (the form's first), and the uploads."""

    space: Workspace
    request: Request
    fields: dict[str, list[str]] = field(default_factory=dict)
    uploads: dict[str, UploadFile] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The first value of a field without its outer blanks."""
        return next(iter(self.fields.get(name, ())), default).strip()

    def switch(self, name: str) -> bool:
        """Whether a box is ticked; a field that is not sent is not."""
        return self.text(name).lower() not in ("", "0", "false", "f", "no", "n", "off")

    def many(self, name: str) -> list[str]:
        """All values of a field, also of one that was sent as ``name[]``."""
        return self.fields.get(f"{name}[]", []) + self.fields.get(name, [])

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params.get(name, ""))

    @property
    def path(self) -> str:
        """The address that was asked, without what this server stands below."""
        return prefix.path_of(self.request.scope)

    def here(self, path: str) -> str:
        """The address of one of our pages."""
        return prefix.prefix_of(self.request.scope) + path

    @property
    def user(self) -> str:
        """Who asks: the field ``username``, the header of our own API, or the cookie of /login; "" when nobody."""
        name = self.text("username") or self.request.headers.get("x-digits-user", "")
        kept = self.request.cookies.get(COOKIE, "")  # other programs on this host may have one of the same name
        return check_user_name(name) if name else kept if NAME.fullmatch(kept) else ""

    @property
    def named(self) -> str:
        """Who asks. Raises NoName when nobody said."""
        if not self.user:
            raise NoName("Say who you are: POST /login with username=NAME and keep its cookie, or send a field "
                         "username=NAME.")
        return self.user

    @property
    def wants_json(self) -> bool:
        """Whether the address ends in .json or /json, or JSON is what is liked best."""
        return self.request.url.path.endswith((".json", "/json")) \
            or prefers_json(self.request.headers.get("accept", ""))

    def missing(self, *names: str) -> None:
        """Raise InvalidOptions for those fields that are empty."""
        if gone := [name for name in names if not self.text(name)]:
            raise InvalidOptions([Problem(name, "This field is required.") for name in gone])


Handler = Callable[[Asked], Response]


def prefers_json(accept: str) -> bool:
    """Whether an Accept header wants JSON rather than a page; ``*/*`` does not."""
    weights = {"application/json": 0.0, "text/html": 0.0}
    for part in accept.lower().split(","):
        kind, _, more = part.partition(";")
        weight = more.partition("q=")[2].strip()
        if kind.strip() in weights:
            weights[kind.strip()] = float(weight) if weight.replace(".", "", 1).isdecimal() else 1.0
    return weights["application/json"] > weights["text/html"]


def endpoint(space: Workspace, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler as Starlette calls it: the form is read here, the work is done in a thread, errors are told."""

    async def serve(request: Request) -> Response:
        try:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FORMS:
                return await run_in_threadpool(handler, _asked(space, request, FormData()))
            async with request.form(max_part_size=FIELD_BYTES) as form:
                return await run_in_threadpool(handler, _asked(space, request, form))
        except Exception as error:
            return told(request, error)

    return serve


def _asked(space: Workspace, request: Request, form: FormData) -> Asked:
    fields: dict[str, list[str]] = {}
    uploads: dict[str, UploadFile] = {}
    for name, value in [*form.multi_items(), *request.query_params.multi_items()]:
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
        elif value.filename:
            uploads[name] = value
    return Asked(space, request, fields, uploads)


def told(request: Request, error: Exception) -> Response:
    """An error as DIGITS answered it: {"errors": {field: [texts]}} of a form, {"error": {...}} of everything else."""
    if isinstance(error, InvalidOptions):
        return StrictJSON({"errors": error.by_field()}, 400)
    if isinstance(error, DigitsError):
        status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 400)
        return refusal(status, type(error).__name__, str(error))
    if isinstance(error, ClientDisconnect):
        return refusal(400, "HTTPError", "The request broke off.")
    if isinstance(error, HTTPException):
        return refusal(error.status_code, "HTTPError", str(error.detail))
    return fault(request, error)


def answer(asked: Asked, content: Json, page: str) -> Response:
    """JSON for programs; others are sent to the page that shows the same."""
    return StrictJSON(content) if asked.wants_json else RedirectResponse(asked.here(page), 303)


def not_from_elsewhere(request: Request) -> None:
    """Raise NotAllowed for a GET that changes something and that another site's page sent."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise NotAllowed("Another web site may not do this here.")


@contextmanager
def renamed(names: dict[str, str]) -> Iterator[None]:
    """Problems that the services find, at the fields as DIGITS called them."""
    try:
        yield
    except InvalidOptions as error:
        raise InvalidOptions([Problem(names.get(problem.field, problem.field), problem.message)
                              for problem in error.problems]) from None
