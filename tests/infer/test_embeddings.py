"""Features of pictures: kept by a batch, put on a map, compared."""

import threading

import numpy as np
import pytest

from digits_core import files
from digits_core.errors import BadData, BadState, NotFound
from digits_core.infer import picture_map
from digits_core.infer.features import Features
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import embeddings, inference
from tests.infer.model_folders import LABELS, make_model, picture
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def made(workspace, tmp_path_factory):
    """A finished batch of 14 pictures with features, the last one broken, number 1 the same as number 0."""
    root = tmp_path_factory.mktemp("pictures") / LABELS[0]
    root.mkdir()
    for number in range(13):
        (root / f"{number:02d}.png").write_bytes(picture(max(1, number)))
    (root / "13.png").write_bytes(b"\x89PNG nothing")
    view = inference.create_batch(workspace, "tester", make_model(workspace.store).id, "many", {
        "folder": str(root.parent), "embeddings": True})
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    view = workspace.store.get(view.id)
    assert view.status is Status.DONE, view.state.reason
    return view


def test_features_are_what_reaches_the_last_layer_also_from_many_threads(workspace):
    from digits_core.infer.embedding import embed
    from digits_core.infer.predictor import Predictor

    folder = ModelFolder.read(make_model(workspace.store).folder.path)
    predictor = Predictor(folder, folder.checkpoint("epoch_0002.000.safetensors"))
    pictures = [folder.prepare(picture(number), "x").pixels for number in range(8)]
    probabilities, alone = embed(predictor, pictures)
    last = list(predictor.network.modules())[-1]
    rows = np.stack([np.frombuffer(__import__("base64").b64decode(row), "<f2") for row in alone]).astype(np.float32)
    logits = rows @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    shares = np.exp(logits - logits.max(1, keepdims=True))
    assert np.allclose(shares / shares.sum(1, keepdims=True), probabilities, atol=5e-3)
    together: dict[int, list[str]] = {}
    threads = [threading.Thread(target=lambda n=n: together.update({n: embed(predictor, [pictures[n]])[1]}))
               for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[n][0] for n in range(8)] == alone


def test_a_batch_keeps_features_and_makes_a_map(workspace, made):
    features = Features(made.folder.path)
    assert len(features) == 14 and features.good().tolist() == list(range(13))
    page = embeddings.the_map(workspace, made.id)
    assert page.rows.tolist() == list(range(13)) and page.of == 13 and np.isfinite(page.places).all()
    told = embeddings.describe_map(workspace, made.id)
    rows = inference.batch_results(workspace, made.id, 0, 20).rows
    assert [point["predicted"] for point in told["points"]] == [row["predictions"][0]["label"] for row in rows[:13]]
    assert {point["truth"] for point in told["points"]} == {LABELS[0]}
    again = picture_map.spread(features.rows(page.rows))
    assert np.allclose(again, page.places)


def test_the_most_similar_picture_is_the_copy(workspace, made):
    found = embeddings.similar(workspace, made.id, 0, 3)
    assert (len(found), found[0]["n"]) == (3, 1) and found[0]["similarity"] == pytest.approx(1, abs=1e-3)
    assert [row["similarity"] for row in found] == sorted((row["similarity"] for row in found), reverse=True)
    for number in (13, 99):
        with pytest.raises(NotFound):
            embeddings.similar(workspace, made.id, number)


def test_features_go_out_as_arrays_and_as_a_table(workspace, made, tmp_path):
    embeddings.as_npz(workspace, made.id, tmp_path / "f.npz")
    with np.load(tmp_path / "f.npz") as found:
        assert found["features"].shape == (14, Features(made.folder.path).size) and found["places"].shape == (14, 2)
        assert found["path"][0].endswith("00.png") and np.isnan(found["places"][13]).all()
        first = found["features"][0]
    lines = b"".join(embeddings.as_csv(workspace, made.id)).decode().splitlines()
    assert len(lines) == 15 and lines[0].startswith("path,truth,predicted,x,y,f0,f1")
    assert np.allclose([float(cell) for cell in lines[1].split(",")[5:]], first, rtol=1e-3)


def test_a_batch_without_features_says_how_to_get_them(workspace, made, tmp_path):
    (tmp_path / "a.png").write_bytes(picture(1))
    plain = inference.create_batch(workspace, "tester", made.job.options["model"], "few", {"folder": str(tmp_path)})
    with pytest.raises(BadState, match="Keep features"):
        embeddings.the_map(workspace, plain.id)


def test_rows_wait_for_the_first_picture_that_can_be_read_and_are_cut_like_their_batch(tmp_path):
    features = Features(tmp_path)
    features.append([{"error": "x"}, {"error": "y"}], 4)
    assert len(features) == 0
    features.append([{"error": "z"}, {"features": "ADwAQA=="}], 4)
    assert len(features) == 4 and features.good().tolist() == [3]
    assert features.rows(np.array([3])).tolist() == [[1.0, 2.0]]
    features.cut(3)
    assert len(features) == 3
    features.cut(0)
    assert (features.size, len(features)) == (0, 0)
    with pytest.raises(BadData, match="GB"):
        features.append([{"features": "ADwAQA=="}], 10**10)


def test_a_damaged_map_is_told(tmp_path):
    files.write_atomic(picture_map.path_of(tmp_path), b"nothing")
    with pytest.raises(BadData, match="cannot be read"):
        picture_map.read(tmp_path)


@pytest.mark.parametrize("count", [1, 3, 4])
def test_a_few_pictures_have_a_map_too(count):
    places = picture_map.spread(np.random.default_rng(0).normal(size=(count, 6)).astype(np.float32))
    assert places.shape == (count, 2) and np.isfinite(places).all()
