from xml.etree import ElementTree

import pytest
from starlette.applications import Starlette

from digits_core.options import option_fields
from digits_core.tasks import tasks
from tests.api.conftest import TestClient


def test_health_and_system(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    facts = client.get("/system").json()
    assert facts["disk"]["free"] > 0
    assert facts["scheduler"] is False
    assert set(facts["versions"]) >= {"digits", "python", "torch", "streamlit"}


def test_the_queue_says_why_a_job_waits(client: TestClient, fake_job) -> None:
    view = fake_job()
    assert client.get("/system").json()["queue"] == [{"id": view.id, "reason": "Starts in a moment."}]


def test_the_doctor_answers_in_words(client: TestClient) -> None:
    answer = client.get("/doctor").json()
    assert {finding["name"] for finding in answer["findings"]} >= {"Python", "GPU", "Jobs folder", "Free disk"}


def test_every_option_of_every_task_is_described(client: TestClient) -> None:
    answer = client.get("/tasks").json()
    for name, task in tasks().items():
        for part, cls in (("dataset_options", task.dataset_options), ("model_options", task.model_options)):
            known = option_fields(cls) if task.source or part == "model_options" else []
            assert [field["name"] for field in answer[name][part]] == [field.name for field in known]
    width = next(f for f in answer["classification"]["dataset_options"] if f["name"] == "width")
    assert (width["type"], width["default"], width["ge"], width["le"]) == ("int", 256, 1, 10_000)
    assert client.get("/tasks/painting").status_code == 400


def test_networks_are_listed_without_their_code(client: TestClient) -> None:
    networks = client.get("/networks").json()["networks"]
    assert networks[0]["name"] == "lenet"
    assert "build" not in networks[0]


def test_the_learning_rate_curve_follows_the_query(client: TestClient) -> None:
    points = client.get("/learning-rate?lr_policy=multistep&lr_steps=25&lr_steps=75&learning_rate=1").json()["points"]
    assert len(points) == 101
    assert points[0] == [0.0, 1.0]
    assert points[-1] == [100.0, 0.25]
    assert list(client.get("/learning-rate?lr_policy=wild").json()["errors"]) == ["lr_policy"]


@pytest.mark.parametrize("query", ["lr_policy=exp&lr_gamma=10&learning_rate=1000",
                                   "lr_policy=sigmoid&lr_gamma=10&lr_step=100", "lr_policy=step&lr_step=1e-9",
                                   "lr_policy=inv&lr_power=100&lr_gamma=0", "lr_policy=poly&lr_power=100"])
def test_extreme_curves_are_an_answer_or_a_refusal(client: TestClient, query: str) -> None:
    assert client.get(f"/learning-rate?{query}").status_code in (200, 400)


def test_the_reference_page_works_without_the_internet_and_names_every_route(server: Starlette,
                                                                             client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    for path, methods in server.routes[0].app.openapi()["paths"].items():
        for method in methods:
            assert f"{method.upper()} /api{path}<" in answer.text
    body = answer.text[answer.text.index("<h1>"):answer.text.index("</html>")]
    ElementTree.fromstring("<x>" + body.split("<details")[0].rpartition("<h2>")[0] + "</x>")


def test_the_openapi_description_is_served(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["info"]["title"] == "DIGITS"
    assert "/datasets" in schema["paths"]


def test_a_test_notification_without_channels_says_what_to_set(client: TestClient) -> None:
    answer = client.post("/notify-test")
    assert answer.status_code == 409
    assert "DIGITS_NOTIFY_WEBHOOK" in answer.text
