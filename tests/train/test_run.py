"""Whole trainings in this process: what they leave behind, and how they fail."""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.datasets import load_digits

from digits_core import files
from digits_core.data.pictures import to_png
from digits_core.data.records import Records
from digits_core.errors import BadData, DigitsError, NotFound
from digits_core.infer.model_folder import CheckpointFile, ModelFolder
from digits_core.infer.predictor import Predictor
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore, JobView
from digits_core.train.journal import Diverged
from digits_core.train.run import run
from tests.train import drawn, killing
from tests.train.drawn import Recorder


def trained(store: JobStore, data: JobView, **options: object) -> tuple[JobView, dict, Recorder]:
    view = drawn.model(store, data, **options)
    context = Recorder(store, view.id)
    return view, run(context), context


def steps(view: JobView) -> list[int]:
    return [row["step"] for row in killing.checked_checkpoints(view)]


def test_a_training_leaves_all_files_of_the_contract(store: JobStore) -> None:
    view, summary, context = trained(store, drawn.dataset(store, test=9), mean="image", crop=10)
    path = view.folder.path
    assert files.read_json(path / "network.json") == {
        "v": 1, "network": "lenet", "task": "classification", "input_shape": [1, 10, 10], "classes": 3, "outputs": 3,
        "values": "", "parameters": summary["parameters"], "start": {}}
    assert (path / "labels.txt").read_text() == "class 0\nclass 1\nclass 2\n"
    steps_of_inference = files.read_json(path / "preprocessing.json")
    assert steps_of_inference is not None
    assert (steps_of_inference["crop"], steps_of_inference["mean"], steps_of_inference["width"]) == (10, "image", 12)
    assert np.load(path / "mean.npy").shape == (1, 12, 12)
    for split, entries in (("val", 12), ("test", 9)):
        report = files.read_json(path / "evaluation" / f"{split}.json")
        assert report is not None
        assert (report["entries"], report["checkpoint_epoch"]) == (entries, summary["best_epoch"])
        assert np.sum(report["confusion"]) == entries
    assert {"accuracy", "top5", "best_epoch", "epochs", "network", "test_accuracy"} <= summary.keys()
    assert {phase["phase"] for phase in context.phases} >= {"reading pictures", "measuring the best checkpoint on val"}


def test_rows_tell_loss_rate_and_measurements(store: JobStore) -> None:
    view, _, _ = trained(store, drawn.dataset(store), epochs=2)
    rows = drawn.rows(view)
    assert [row["step"] for row in rows if "train/loss" in row] == list(range(1, 11))
    assert [(row["epoch"], sorted(row)) for row in rows if "val/loss" in row] == [
        (epoch, ["epoch", "step", "val/accuracy", "val/loss", "val/top5"]) for epoch in (1.0, 2.0)]
    assert [row["lr"] for row in rows if "lr" in row][:2] == [0.02, 0.02]


def test_the_predictor_of_inference_agrees_with_the_evaluation(store: JobStore) -> None:
    data = drawn.dataset(store, shape=(3, 14, 12), train=60, val=20, classes=3)
    view, summary, _ = trained(store, data, mean="image", crop=11, epochs=1)
    row = next(row for row in killing.checked_checkpoints(view) if row["best"])
    made = Predictor(ModelFolder.read(view.folder.path), CheckpointFile.model_validate(row))
    pixels, truth = Records(data.folder.path / "val.lmdb").batch(range(20))
    prepared = [made.model.prepare(to_png(picture), "a picture").pixels for picture in pixels]
    answers = np.stack(made.predict(prepared)).argmax(1)
    assert (answers == truth).mean() == pytest.approx(summary["accuracy"])


@pytest.mark.parametrize(("interval", "expected"), [(0.5, [3, 5, 8, 10]), (0, [10]), (2, [10]), (1, [5, 10])])
def test_checkpoints_come_at_their_interval(store: JobStore, interval: float, expected: list[int]) -> None:
    view, _, _ = trained(store, drawn.dataset(store), snapshot_interval=interval, val_interval=0)
    assert steps(view) == expected


def test_a_new_best_is_kept_between_the_intervals(store: JobStore) -> None:
    view, summary, _ = trained(store, drawn.dataset(store), snapshot_interval=0, val_interval=1)
    assert [row["step"] for row in killing.checked_checkpoints(view) if row["best"]] == [5 * summary["best_epoch"]]
    assert steps(view)[-1] == 10


def test_without_validation_pictures_the_last_checkpoint_is_measured_on_the_test(store: JobStore) -> None:
    view, summary, _ = trained(store, drawn.dataset(store, val=0, test=9))
    assert summary["best_epoch"] == 2.0
    assert "accuracy" not in summary
    assert "test_accuracy" in summary
    assert not any("val/loss" in row for row in drawn.rows(view))


def test_a_diverging_run_ends_with_a_sentence_and_keeps_finite_checkpoints(store: JobStore) -> None:
    view = drawn.model(store, drawn.dataset(store), epochs=60, learning_rate=900.0, lr_policy="fixed",
                       warmup_percent=90.0, val_interval=0.2, snapshot_interval=0.2, solver="momentum")
    with pytest.raises(Diverged, match=r"(NaN|infinite) .*epoch .*Try a smaller learning rate") as error:
        run(Recorder(store, view.id))
    assert error.value.code == "nan"
    assert steps(view), "no finite checkpoint is left"
    assert all(np.isfinite(value) for row in drawn.rows(view) for value in row.values())
    json.loads(json.dumps(drawn.rows(view), allow_nan=False))


def test_a_start_model_gives_what_fits(store: JobStore) -> None:
    first, _, _ = trained(store, drawn.dataset(store, classes=3), epochs=1)
    second, _, context = trained(store, drawn.dataset(store, classes=4), epochs=1, start_model=first.id,
                                 learning_rate=1e-9, weight_decay=0.0)
    facts = files.read_json(second.folder.path / "network.json")
    assert facts is not None
    tensors = facts["start"].pop("tensors")
    assert [(line["name"], line["why"]) for line in tensors if line["state"] == "new"] == [
        ("dense2.weight", "another size: 3 x 500 there, 4 x 500 here"),
        ("dense2.bias", "another size: 3 there, 4 here")]
    assert facts["start"] == {"model": first.id, "epoch": 1.0, "loaded": 6, "of": 8, "new": 2, "adapted": 0}
    assert f"started from {first.id}, epoch 1: 6 of 8 tensors loaded, 2 new" in context.lines
    one, two = (safetensors.torch.load_file(view.folder.checkpoints / "epoch_0001.000.safetensors")
                for view in (first, second))
    assert torch.allclose(one["conv2.weight"], two["conv2.weight"], atol=1e-4)


@pytest.mark.parametrize(("there", "here", "words"), [
    (3, 1, "there 3 channels: summed over them"), (1, 3, "there 1 channel: divided among 3")])
def test_the_first_layer_of_a_start_adapts_to_other_channels(store: JobStore, there: int, here: int,
                                                             words: str) -> None:
    first, _, _ = trained(store, drawn.dataset(store, shape=(there, 12, 12)), epochs=1)
    second, _, context = trained(store, drawn.dataset(store, shape=(here, 12, 12)), epochs=1, start_model=first.id,
                                 learning_rate=1e-9, weight_decay=0.0)
    facts = (files.read_json(second.folder.path / "network.json") or {})["start"]
    assert (facts["loaded"], facts["adapted"], facts["new"]) == (8, 1, 0)
    assert [(line["name"], line["why"]) for line in facts["tensors"] if line["state"] == "adapted"] == [
        ("conv1.weight", words)]
    assert f"started from {first.id}, epoch 1: 8 of 8 tensors loaded, one of them adapted, 0 new" in context.lines
    one, two = (safetensors.torch.load_file(view.folder.checkpoints / "epoch_0001.000.safetensors")["conv1.weight"]
                for view in (first, second))
    assert torch.allclose(one.sum(1), two.sum(1), atol=1e-4)


def test_a_start_model_that_fits_nowhere_is_refused(store: JobStore) -> None:
    data = drawn.dataset(store)
    first, _, _ = trained(store, data, epochs=1)
    with pytest.raises(BadData, match="No weight of model"):
        trained(store, data, epochs=1, network="mobilenet_v3_small", start_model=first.id)
    with pytest.raises(NotFound, match="no checkpoint of epoch 77"):
        trained(store, data, epochs=1, start_model=first.id, start_checkpoint="77")


def test_a_crop_larger_than_the_pictures_is_refused(store: JobStore) -> None:
    with pytest.raises(BadData, match=r"crop size 13 is larger than the pictures of the dataset \(12 x 12\)"):
        trained(store, drawn.dataset(store), crop=13)


@pytest.mark.parametrize("name", ["manifest.json", "train.lmdb/data.mdb", "mean.npy"])
@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_a_damaged_dataset_is_named(store: JobStore, name: str, content: bytes | None) -> None:
    data = drawn.dataset(store)
    path = data.folder.path / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(BadData, match=r"(?i)build (it|the dataset) again"):
        trained(store, data, mean="image")


def test_a_gpu_that_is_not_there_is_named(store: JobStore) -> None:
    with pytest.raises(DigitsError, match="asks for a GPU"):
        trained(store, drawn.dataset(store), device="gpu")


def test_lenet_reads_handwritten_digits(store: JobStore) -> None:
    digits = load_digits()
    pixels = (digits.images * 255 / 16).round().astype(np.uint8)[:, None].repeat(2, 2).repeat(2, 3)
    order = np.random.default_rng(0).permutation(len(pixels))
    splits = {name: (pixels[part], digits.target[part].astype(np.int64))
              for name, part in (("train", order[:1347]), ("val", order[1347:]))}
    job_id = store.new_id()
    store.submit(Job(job_id, Kind.DATASET, "classification", "digits", "tester", 0.0, {}))
    folder = store.folder(job_id)
    for name, (pictures, truth) in splits.items():
        drawn.write_records(folder.path / f"{name}.lmdb", pictures, truth)
    drawn.describe(folder, splits, [str(digit) for digit in range(10)])
    _, summary, _ = trained(store, store.get(job_id), epochs=6, batch_size=32, learning_rate=0.02, solver="momentum",
                            lr_policy="cosine", mean="image")
    assert summary["accuracy"] >= 0.97
