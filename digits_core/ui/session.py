"""What every page starts with: the workspace, who is looking, which job; and how errors are shown."""

import logging
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs.store import JobView
from digits_core.services.access import check_user_name
from digits_core.services.workspace import Workspace
from digits_core.ui.text import plain

COOKIE = "digits_name"
log = logging.getLogger("digits.pages")


@st.cache_resource(show_spinner=False)
def workspace() -> Workspace:
    """The jobs folder of this server; a cheap handle that all sessions share."""
    return Workspace.open()


def here(path: str) -> str:
    """The address of something that this server answers beside its pages, for links in them: ``/api/...``."""
    return workspace().settings.url_prefix + path


def address(path: str = "") -> str:
    """The same with the host, as the browser knows it, for lines that are copied to a shell."""
    parts = urlsplit(st.context.url or "")
    host = f"{parts.scheme}://{parts.netloc}" if parts.netloc else "http://localhost:8501"
    return host + here(path)


def user() -> str:
    """The name this person chose, in this tab or earlier in this browser; "" when none."""
    name = st.session_state.get("who.name")
    if name is None:
        name = st.context.cookies.get(COOKIE, "")
    return valid_name(name)


def valid_name(name: object) -> str:
    """The name when it is one, else ""."""
    try:
        return check_user_name(name if isinstance(name, str) else "")
    except InvalidOptions:
        return ""


def set_name(name: str) -> None:
    """Use this name from now on in this tab, and ask the browser to keep it ("" forgets it)."""
    st.session_state["who.name"] = name


def keep_name() -> None:
    """Let the browser fetch the cookie of a name that was chosen in this tab: a page cannot set one by itself.

    Drawn for the rest of the session, because the next run would take the frame away before it was loaded.
    """
    name = st.session_state.get("who.name")
    if name is not None and name != st.context.cookies.get(COOKIE, ""):
        st.iframe(here(f"/name?set={quote(name)}"), height=1)


async def name_route(request: Request) -> Response:
    """``/name?set=fred&next=/``: remember a name in a cookie; an empty one forgets it."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return PlainTextResponse("Names are chosen on the page itself.", 403)
    name, target = request.query_params.get("set", ""), request.query_params.get("next", "")
    if name and not valid_name(name):
        return PlainTextResponse("That is not a name.", 400)
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    response = RedirectResponse(target, 303) if local else Response(status_code=204)
    path = request.scope.get("root_path") or "/"
    if name:
        response.set_cookie(COOKIE, name, path=path, max_age=365 * 86400, httponly=True, samesite="lax")
    else:
        response.delete_cookie(COOKIE, path=path)
    return response


@contextmanager
def shown() -> Iterator[None]:
    """Show an error that the person can act on where it happened, as its text; the rest of the page goes on."""
    try:
        yield
    except DigitsError as error:
        st.error(plain(error), icon=":material/error:")


def the_job() -> JobView:
    """The job that the address names (``?id=``); says so and ends the page when there is none."""
    try:
        return workspace().store.get(st.query_params.get("id", ""))
    except DigitsError as error:
        st.title("No such job", anchor=False)
        st.error(plain(error), icon=":material/search_off:")
        st.page_link("home.py", label="All jobs", icon=":material/home:")
        st.stop()


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Keep a page whole when a job's files hold something else than they should; says which part is missing."""
    try:
        with shown():
            yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as error:
        log.warning("%s cannot be shown: %r", what, error, exc_info=True)
        st.warning(f"{what} cannot be shown: its file in the job folder is damaged.", icon=":material/broken_image:")


def from_address(key: str, param: str, options: Collection[str], default: str) -> None:
    """Let a choice start with what the address says; ``bind`` would put the words on screen into it, not the value."""
    wanted = st.query_params.get(param, "")
    if st.session_state.get(key) not in options:
        st.session_state[key] = wanted if wanted in options else default


def to_address(param: str, value: str, default: str) -> None:
    """Write a choice into the address, so that it can be copied from there."""
    if value == default:
        st.query_params.pop(param, None)
    elif st.query_params.get(param) != value:
        st.query_params[param] = value


def broken(error: Exception) -> bool:
    """Show an error that nobody expected as a box with a number; the log has the details under it."""
    if isinstance(error, DigitsError):
        st.error(plain(error), icon=":material/error:")
        return True
    number = secrets.token_hex(3)
    log.error("page error %s", number, exc_info=error)
    st.error(f"Something went wrong on this page (error {number}). Your jobs go on; reload the page, and if it happens "
             "again report the number: the server's log has the details.", icon=":material/bug_report:")
    return True
