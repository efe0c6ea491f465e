"""Everything that the server answers beside its pages, in the order in which it is looked at."""

from starlette.routing import BaseRoute, Mount

from digits_core.api import digits
from digits_core.api.app import create_api
from digits_core.api.protocol import protocol_routes
from digits_core.api.team import store_route
from digits_core.services.workspace import Workspace


def routes(workspace: Workspace) -> list[BaseRoute]:
    """REST, the routes of DIGITS, the Open Inference Protocol, and the team's store."""
    return [Mount("/api", create_api(workspace)), *digits.routes(workspace), *protocol_routes(workspace),
            store_route(workspace)]
