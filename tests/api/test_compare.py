from collections.abc import Callable

from tests.api.conftest import TestClient


def test_trainings_are_compared_over_rest(nobody: TestClient, finished_job: Callable) -> None:
    dataset = finished_job("dataset")
    runs = [finished_job("model", needs=(dataset.id,), group="g", options={"learning_rate": rate})
            for rate in (0.1, 0.01)]
    found = nobody.get("/compare", params={"runs": ",".join(run.id for run in runs), "curves": True}).json()
    assert found["differing"] == {"learning_rate": ["0.01", "0.1"]}
    assert found["runs"][0]["curves"]["val/accuracy"]["epoch"] == [1.0, 2.0]
    assert found["best"]["train/loss"]["value"] == 0.5
    assert len(nobody.get("/compare", params={"group": "g"}).json()["runs"]) == 2
    answer = nobody.get("/compare", params={"runs": dataset.id})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["runs"])
