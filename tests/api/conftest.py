"""A client of the API, in this process, with the server's security in front."""

import warnings
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from digits_core.api.app import create_api
from digits_core.api.routes import routes
from digits_core.api.security import security_middleware
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have a package that is not among our requirements
    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The REST application of this process: making one anew costs more than most tests of it."""
    return create_api(Workspace.open(Settings(jobs_dir=tmp_path_factory.mktemp("nowhere"))))


@pytest.fixture
def server(workspace: Workspace, api: FastAPI) -> Starlette:
    """What app.py makes, without the pages."""
    api.state.workspace = workspace
    return Starlette(routes=[Mount("/api", api), *routes(workspace)[1:]],
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
