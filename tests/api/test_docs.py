"""The reference of the API names every route, and no other."""

import re
from pathlib import Path

from starlette.applications import Starlette

TEXT = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()


def test_every_route_is_in_the_table_and_every_row_is_a_route(server: Starlette) -> None:
    paths = server.routes[0].app.openapi()["paths"]
    routes = {f"{method.upper()} /api{path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"^\| `([A-Z]+ /api[^`]*)`", TEXT, re.MULTILINE)) == routes
