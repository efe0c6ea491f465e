"""A client of the API, in this process, with the server's security in front."""

import warnings
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from digits_core.api.routes import routes
from digits_core.api.security import security_middleware
from digits_core.services.workspace import Workspace

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have a package that is not among our requirements
    from starlette.testclient import TestClient


@pytest.fixture
def server(workspace: Workspace) -> Starlette:
    """What app.py makes, without the pages."""
    return Starlette(routes=routes(workspace),
                     middleware=security_middleware(workspace.settings))


@pytest.fixture
def nobody(server: Starlette) -> Iterator[TestClient]:
    """A client that says no name."""
    with TestClient(server, base_url="http://localhost:8501/api") as client:
        yield client


@pytest.fixture
def client(server: Starlette) -> Iterator[TestClient]:
    """A client that acts as ``tester``, the owner of the jobs that fixtures make."""
    with TestClient(server, base_url="http://localhost:8501/api", headers={"X-Digits-User": "tester"}) as client:
        yield client
