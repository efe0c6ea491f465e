from collections.abc import Callable

from tests.api.conftest import TestClient


def test_an_export_is_queued_listed_and_safe_to_repeat(client: TestClient, finished_job: Callable) -> None:
    model = finished_job("model")
    body = {"options": {"precisions": ["fp16"], "formats": ["onnx", "torchscript"]}}
    facts, again = (client.post(f"/models/{model.id}/exports", json=body, headers={"Idempotency-Key": "e"}).json()
                    for _ in range(2))
    assert (facts["kind"], facts["needs"], facts["name"]) == ("export", [model.id], f"Export of {model.name}")
    assert facts["options"]["checkpoint_file"] == "epoch_0002.000.safetensors" and facts["id"] == again["id"]
    assert [job["id"] for job in client.get(f"/models/{model.id}/exports").json()["exports"]] == [facts["id"]]
    assert client.get(f"/exports/{facts['id']}").json() == {}
    answer = client.get(f"/exports/{facts['id']}/archive")
    assert answer.status_code == 409 and "it is waiting" in answer.json()["error"]["message"]


def test_problems_of_an_export_come_at_their_fields(client: TestClient, finished_job: Callable) -> None:
    answer = client.post(f"/models/{finished_job('model').id}/exports", json={"options": {
        "formats": ["coreml"], "tolerance": 0, "drop": 101, "precision": "fp16"}})
    assert set(answer.json()["errors"]) == {"formats", "tolerance", "drop", "precision"}


def test_a_finished_export_is_told_and_downloaded_whole_and_in_parts(client: TestClient,
                                                                     finished_job: Callable) -> None:
    view = finished_job("export")
    assert client.get(f"/exports/{view.id}").json()["variants"][0]["file"] == "model.onnx"
    for kind, media in (("zip", "application/zip"), ("tar.gz", "application/gzip")):
        answer = client.get(f"/exports/{view.id}/archive", params={"format": kind})
        assert answer.headers["content-type"] == media
        assert f"a_model_epoch_2.{kind}" in answer.headers["content-disposition"]
    answer = client.get(f"/exports/{view.id}/archive", params={"format": "rar"})
    assert answer.status_code == 400 and "Invalid extension" in answer.text
    assert client.get(f"/exports/{view.id}/files/model.onnx").content == b"no graph."
    assert client.get(f"/exports/{view.id}/files/..%2Fjob.json").status_code == 404
