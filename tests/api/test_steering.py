from collections.abc import Callable

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobStore
from digits_core.jobs.wishes import Wishes
from tests.api.conftest import TestClient


def test_a_done_training_goes_on_and_the_wish_is_noted_first(client: TestClient, finished_job: Callable,
                                                             store: JobStore) -> None:
    view = finished_job("model")
    answer = client.post(f"/models/{view.id}/epochs", json={"epochs": 3})
    assert (answer.status_code, answer.json()["status"]) == (200, "waiting")
    (name, wish), = Wishes(store.folder(view.id)).new()
    assert (name, wish["action"], wish["more"], wish["by"]) == ("0001/steer-0001.json", "epochs", 3, "tester")
    again = client.post(f"/models/{view.id}/epochs", json={"epochs": 3})
    assert again.status_code == 409


def test_a_running_training_is_steered(client: TestClient, fake_job: Callable, scheduler: object,
                                       until: Callable, store: JobStore) -> None:
    view = fake_job(kind="model", steps=10_000)
    until(lambda: scheduler.tick() or (store.get(view.id).status is Status.RUNNING  # type: ignore[attr-defined]
          and store.get(view.id).attempt.launch))
    assert client.post(f"/models/{view.id}/rate", json={"factor": 0.1}).status_code == 200
    assert client.post(f"/models/{view.id}/finish").status_code == 200
    assert [wish["action"] for _, wish in Wishes(store.folder(view.id)).new()] == ["rate", "finish"]
    assert client.post(f"/models/{view.id}/rate", json={"factor": 0}).status_code == 400


def test_what_does_not_run_cannot_be_steered(client: TestClient, nobody: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    assert client.post(f"/models/{view.id}/finish").status_code == 409
    assert nobody.post(f"/models/{view.id}/finish").status_code == 401
    assert client.post(f"/models/{finished_job('dataset').id}/epochs", json={"epochs": 1}).status_code == 404
    assert client.get(f"/models/{view.id}/start").json() == {}
