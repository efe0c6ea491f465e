from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from digits_core.api.once import once
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient


@pytest.fixture
def body(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "pictures").mkdir()
    return {"name": "Pets", "options": {"folder": str(tmp_path / "pictures")}}


def send(client: TestClient, body: dict[str, object], key: str, user: str = "tester"):
    return client.post("/datasets", json=body, headers={"Idempotency-Key": key, "X-Digits-User": user})


def test_the_same_key_gives_the_same_job(client: TestClient, body: dict[str, object], workspace: Workspace) -> None:
    first, second = send(client, body, "a"), send(client, body, "a")
    assert first.json()["id"] == second.json()["id"]
    assert len(workspace.store.ids()) == 1


def test_without_a_key_or_with_another_one_or_as_another_user_it_is_another_job(
        client: TestClient, body: dict[str, object], workspace: Workspace) -> None:
    answers = [send(client, body, "a"), send(client, body, "b"), send(client, body, ""), send(client, body, ""),
               send(client, body, "a", "fred")]
    assert len({answer.json()["id"] for answer in answers}) == 5


def test_twenty_at_the_same_time_make_one_job(client: TestClient, body: dict[str, object],
                                              workspace: Workspace) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: send(client, body, "a"), range(20)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(workspace.store.ids()) == 1


def test_a_key_for_another_request_is_409(client: TestClient, body: dict[str, object]) -> None:
    send(client, body, "a")
    assert send(client, {**body, "name": "Other"}, "a").status_code == 409


def test_a_refused_request_frees_its_key(client: TestClient, body: dict[str, object]) -> None:
    assert send(client, {**body, "name": " "}, "a").status_code == 400
    assert send(client, body, "a").status_code == 201


def test_a_deleted_job_is_not_made_again(client: TestClient, body: dict[str, object]) -> None:
    job_id = send(client, body, "a").json()["id"]
    client.delete(f"/jobs/{job_id}")
    assert send(client, body, "a").status_code == 404


def test_a_server_that_died_before_the_job_was_there_makes_it_on_the_next_try(workspace: Workspace,
                                                                              fake_job: Callable) -> None:
    def die(place: Workspace):
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        once(workspace, "tester", "a", [1], die)
    assert workspace.store.ids() == []
    made = []

    def create(place: Workspace):
        made.append(place.store.new_id())
        return fake_job(job_id=made[-1])

    assert once(workspace, "tester", "a", [1], create).id == once(workspace, "tester", "a", [1], create).id
    assert len(made) == 1
