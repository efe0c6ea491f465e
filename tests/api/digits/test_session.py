"""Who asks: DIGITS' cookie and field, and what other web sites cannot do with them."""

import pytest

from tests.api.conftest import TestClient

UNKNOWN = "20200101-000000-abcd"


def test_login_keeps_the_name_in_a_cookie_that_scripts_of_pages_and_other_sites_never_see(stranger) -> None:
    answer = stranger.post("/login", data={"username": "fred", "next": "/models"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/models")
    assert answer.headers["set-cookie"] == "username=fred; HttpOnly; Path=/; SameSite=strict"


@pytest.mark.parametrize("target", ["http://evil.example", "//evil.example", "/\\evil.example", ""])
def test_login_leads_to_this_server_only(stranger: TestClient, target: str) -> None:
    assert stranger.post("/login", data={"username": "fred", "next": target}).headers["location"] == "/"


@pytest.mark.parametrize(("name", "text"), [("", "required"), ("Fred", "small letter"), ("a b", "small letter")])
def test_a_name_that_is_none_is_refused(stranger: TestClient, name: str, text: str) -> None:
    answer = stranger.post("/login", data={"username": name})
    assert answer.status_code == 400
    assert text in str(answer.json()["errors"])
    assert "set-cookie" not in answer.headers


def test_looking_at_the_login_page_sets_no_name(stranger: TestClient) -> None:
    assert "set-cookie" not in stranger.get("/login?username=fred").headers


def test_logout_forgets_the_name(fred: TestClient) -> None:
    assert fred.get("/logout").status_code == 302
    assert fred.delete(f"/jobs/{UNKNOWN}").status_code == 401


def test_another_site_cannot_log_anybody_out(fred: TestClient) -> None:
    assert fred.get("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert fred.delete(f"/jobs/{UNKNOWN}").status_code == 404


@pytest.mark.parametrize("words", [{"headers": {"X-Digits-User": "fred"}}, {"params": {"username": "fred"}}])
def test_the_name_may_come_with_the_request(stranger: TestClient, words: dict) -> None:
    assert stranger.delete(f"/jobs/{UNKNOWN}", **words).status_code == 404


def test_the_name_may_be_a_field_of_the_form_and_wins_over_the_cookie(fred: TestClient, finished_job) -> None:
    view = finished_job("dataset", owner="anna")
    assert fred.put(f"/jobs/{view.id}", data={"job_name": "x"}).status_code == 403
    assert fred.put(f"/jobs/{view.id}", data={"job_name": "x", "username": "anna"}).status_code == 200


CHANGES = [("DELETE", f"/jobs/{UNKNOWN}"), ("DELETE", f"/models/{UNKNOWN}"), ("DELETE", "/jobs"), ("POST", "/group"),
           ("PUT", f"/jobs/{UNKNOWN}"), ("POST", f"/datasets/{UNKNOWN}/abort"), ("POST", "/abort_jobs"),
           ("POST", "/datasets/images/classification/json"), ("POST", "/datasets/images/generic.json"),
           ("POST", "/datasets/generic/create/image-gradients/json"), ("POST", "/models/images/classification"),
           ("POST", "/models/images/generic/json"), ("POST", "/models/visualize-network"),
           ("POST", "/pretrained_models/upload_archive"), ("POST", "/pretrained_models/new"),
           ("POST", f"/models/{UNKNOWN}/publish_inference")]


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_every_change_needs_a_name_and_comes_from_no_other_site(stranger, method: str, path: str) -> None:
    assert (path, stranger.request(method, path).status_code) == (path, 401)
    stranger.cookies["username"] = "fred"
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = stranger.request(method, path, headers=headers)
        assert (path, answer.status_code, answer.json()["error"]["type"]) == (path, 403, "CrossOrigin")


def test_a_cookie_of_another_program_is_nobody(stranger: TestClient) -> None:
    stranger.cookies["username"] = "Fred Smith"
    assert stranger.get("/index.json").status_code == 200
    assert stranger.delete(f"/jobs/{UNKNOWN}").status_code == 401


def test_the_cookie_is_no_name_under_api(fred: TestClient) -> None:
    assert fred.post("/api/datasets", json={}).status_code == 401
