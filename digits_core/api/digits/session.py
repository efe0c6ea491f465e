"""DIGITS' login: a name in a cookie, which counts on these routes only."""

from starlette.responses import RedirectResponse, Response

from digits_core.api.digits.request import COOKIE, Asked, not_from_elsewhere
from digits_core.services.access import check_user_name


def login(asked: Asked) -> Response:
    """Keep a name for the calls that follow; the page itself asks for names at the top right."""
    response = RedirectResponse(_next(asked), 302)
    if asked.request.method == "POST":
        asked.missing("username")
        name = check_user_name(asked.text("username"))
        response.set_cookie(COOKIE, name, path=asked.here("/"), httponly=True, samesite="strict")
    return response


def logout(asked: Asked) -> Response:
    """Forget it."""
    not_from_elsewhere(asked.request)
    response = RedirectResponse(_next(asked), 302)
    response.delete_cookie(COOKIE, path=asked.here("/"), httponly=True, samesite="strict")
    return response


def _next(asked: Asked) -> str:
    target = asked.text("next")
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else asked.here("/")
