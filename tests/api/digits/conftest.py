"""A client at the root of the server, and one that is logged in as DIGITS had it."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette

from tests.api.conftest import TestClient


@pytest.fixture
def stranger(server: Starlette) -> Iterator[TestClient]:
    with TestClient(server, base_url="http://localhost:8501", follow_redirects=False) as client:
        yield client


@pytest.fixture
def fred(stranger: TestClient) -> TestClient:
    assert stranger.post("/login", data={"username": "fred"}).status_code == 302
    return stranger
