from collections.abc import Callable

import pytest

from digits_core.infer.maxima import Maxima
from digits_core.infer.options import MAXIMA
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.faults.folders import picture
from tests.infer.model_folders import make_model


@pytest.mark.slow
def test_a_run_is_asked_for_and_its_pictures_are_fetched(client: TestClient, workspace: Workspace) -> None:
    model = make_model(workspace.store, side=28)
    weights = client.get(f"/models/{model.id}/weights", params={"colormap": ""}).json()
    assert weights["units"]["output"] == 10
    assert not any(row["picture"] for row in weights["layers"])
    job = client.post(f"/models/{model.id}/max-activations", json={"options": {"layer": "conv1", "units": "2"}}).json()
    assert (job["kind"], job["options"]["method"], job["needs"]) == ("inference", MAXIMA, [model.id])
    answer = client.post(f"/models/{model.id}/max-activations", json={"options": {"units": "99"}})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["units"])
    Maxima(workspace.store.root / job["id"]).add({"unit": 2, "activation": 1.0, "before": 0.0}, picture())
    assert client.get(f"/inferences/{job['id']}/max-activations").json() == {
        "rows": [{"unit": 2, "activation": 1.0, "before": 0.0}], "total": 1}
    png = client.get(f"/inferences/{job['id']}/max-activations/2")
    assert (png.headers["content-type"], png.content) == ("image/png", picture())
    assert client.get(f"/inferences/{job['id']}/max-activations/3").status_code == 404
    assert client.get(f"/inferences/{job['id']}/max-activations.zip").content[:2] == b"PK"


def test_a_batch_has_no_such_pictures(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("inference")
    for path in ("", ".zip", "/0"):
        assert client.get(f"/inferences/{view.id}/max-activations{path}").status_code == 404
