"""The cookie that keeps a person's name."""

import warnings

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from digits_core.ui.session import COOKIE, name_route

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have a package that is not among our requirements
    from starlette.testclient import TestClient


@pytest.fixture
def client():
    return TestClient(Starlette(routes=[Route("/name", name_route)]), follow_redirects=False)


def test_a_name_is_kept_and_the_way_goes_on(client):
    answer = client.get("/name?set=fred&next=/models%3Fnew%3Dx")
    assert (answer.status_code, answer.headers["location"]) == (303, "/models?new=x")
    assert answer.cookies[COOKIE] == "fred"
    assert "httponly" in answer.headers["set-cookie"].lower()


def test_the_cookie_is_for_the_path_that_the_server_is_below(client):
    below = TestClient(client.app, root_path="/digits")
    for asked in ("/digits/name?set=fred", "/digits/name?set="):
        assert "Path=/digits;" in below.get(asked).headers["set-cookie"]
    assert "Path=/;" in client.get("/name?set=fred").headers["set-cookie"]


def test_without_a_next_page_there_is_no_content(client):
    assert client.get("/name?set=fred").status_code == 204


def test_an_empty_name_forgets(client):
    client.get("/name?set=fred")
    client.get("/name?set=")
    assert COOKIE not in client.cookies


@pytest.mark.parametrize("name", ["Fred", "1a", "a b", "<script>", "a" * 65, "a;b=c"])
def test_what_is_no_name_is_refused(client, name):
    answer = client.get("/name", params={"set": name})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"])
def test_nobody_is_sent_to_another_site(client, target):
    assert "location" not in client.get("/name", params={"set": "fred", "next": target}).headers


def test_other_sites_cannot_choose_a_name(client):
    answer = client.get("/name?set=fred", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
