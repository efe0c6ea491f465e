"""A server that stands below a path (``DIGITS_URL_PREFIX``), behind a proxy that hands the whole address on.

The prefix becomes the ``root_path`` of ASGI: every route, Streamlit's own included, is found below it without knowing.
"""

import json

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send


class BelowPrefix:
    """Serves what is below the prefix, and nothing else; the root of the host belongs to somebody else."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(f"{self.prefix}/"):
            await self.app({**scope, "root_path": self.prefix}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": f"This server is below {self.prefix}."})
        else:
            await self._elsewhere(scope)(scope, receive, send)

    def _elsewhere(self, scope: Scope) -> Response:
        """The way to the first page, whose files are found from an address that ends in a slash; else a refusal."""
        if scope["path"] in ("/", self.prefix) and scope["method"] in ("GET", "HEAD"):
            query = scope.get("query_string", b"").decode("latin-1")
            return RedirectResponse(f"{self.prefix}/{'?' if query else ''}{query}", 307)
        words = f"This server is below {self.prefix}/ (DIGITS_URL_PREFIX); nothing is at this address."
        return Response(json.dumps({"error": {"message": words, "type": "NotFound"}}), 404,
                        media_type="application/json")


def path_of(scope: Scope) -> str:
    """The path that was asked for, without the prefix."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def prefix_of(scope: Scope) -> str:
    """The prefix, "" without one, also for an application that is mounted below it."""
    return str(scope.get("app_root_path", scope.get("root_path", "")))
