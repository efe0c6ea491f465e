"""DIGITS' forms: its field names and values become our options, and problems are told at its fields."""

from pathlib import Path

import pytest
from PIL import Image

from digits_core.jobs.store import JobStore
from digits_core.networks.custom import BadNetwork, check_source
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.ticking import Tick

CLASSIFICATION = "/datasets/images/classification/json"
MODEL = "/models/images/classification/json"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for place in range(6):
            Image.new("L", (9, 9), 100 * number + place).save(tmp_path / "pets" / name / f"{place}.png")
    return tmp_path / "pets"


def made(store: JobStore, answer) -> dict:
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "Initialized"
    return store.get(answer.json()["id"]).job.options


def test_a_dataset_from_folders(fred: TestClient, store: JobStore, pictures: Path) -> None:
    options = made(store, fred.post(CLASSIFICATION, data={
        "method": "folder", "folder_train": str(pictures), "resize_channels": "1", "resize_width": "28",
        "resize_height": "27", "resize_mode": "half_crop", "encoding": "jpg", "folder_pct_val": "10",
        "folder_pct_test": "5", "folder_train_min_per_class": "", "folder_train_max_per_class": "5",
        "has_val_folder": "y", "folder_val": str(pictures), "folder_test": "/nowhere", "csrf_token": "x",
        "dataset_name": "pets", "group_name": "animals"}))
    assert {**options, "method": "folder", "channels": "gray", "width": 28, "height": 27, "resize_mode": "half",
            "encoding": "jpeg", "val_percent": 10, "test_percent": 5, "min_per_class": 1, "max_per_class": 5,
            "val_folder": str(pictures), "test_folder": ""} == options
    assert store.jobs()[0].group == "animals"


def test_fields_that_are_left_out_keep_their_defaults(fred: TestClient, store: JobStore, pictures: Path) -> None:
    options = made(store, fred.post(CLASSIFICATION, data={"folder_train": str(pictures), "dataset_name": "pets"}))
    assert {**options, "method": "folder", "channels": "color", "width": 256, "height": 256, "encoding": "png",
            "resize_mode": "squash", "val_percent": 25, "test_percent": 0, "min_per_class": 2} == options


def test_uploaded_lists_are_read_and_kept_with_the_job(fred, store: JobStore, pictures: Path, run: Tick) -> None:
    train = "".join(f"{name}/{place}.png {label}\n" for label, name in enumerate(("cat", "dog")) for place in range(5))
    answer = fred.post(CLASSIFICATION, data={
        "method": "textfile", "textfile_train_folder": str(pictures), "textfile_use_val": "y", "dataset_name": "pets",
        "textfile_val_folder": str(pictures), "resize_width": "8", "resize_height": "8"}, files={
        "textfile_train_images": ("train.txt", train), "textfile_val_images": ("val.txt", "cat/5.png 0\n"),
        "textfile_labels_file": ("labels.txt", "cat\ndog\n")})
    assert made(store, answer)["train_list"] == "job:upload/train_list"
    found = run(store.get(answer.json()["id"])).folder.manifest()
    assert {split: row["entries"] for split, row in found["splits"].items()} == {"train": 10, "val": 1}
    assert found["labels"] == ["cat", "dog"]
    assert not list((store.root / ".uploads").iterdir())


def test_lists_on_the_server_without_one_for_validation_are_all_training(fred, store, pictures: Path) -> None:
    (pictures / "train.txt").write_text("cat/0.png 0\ndog/0.png 1\n")
    options = made(store, fred.post(CLASSIFICATION, data={
        "method": "textfile", "textfile_use_local_files": "1", "dataset_name": "pets",
        "textfile_local_train_images": str(pictures / "train.txt")}))
    assert (options["train_list"], options["val_percent"]) == (str(pictures / "train.txt"), 0)


def test_a_place_in_s3_is_asked_for_with_credentials_by_name_only(fred: TestClient, store: JobStore) -> None:
    place = {"method": "s3", "dataset_name": "x", "s3_bucket": "pets", "s3_path": "/train/", "s3_pct_val": "10"}
    answer = fred.post(CLASSIFICATION, data={**place, "s3_accesskey": "me", "s3_secretkey": "hush"})
    assert set(answer.json()["errors"]) == {"s3_accesskey", "s3_secretkey"}
    assert "hush" not in answer.text
    answer = fred.post(CLASSIFICATION, data={**place, "s3_credentials": "nobody"})
    assert list(answer.json()["errors"]) == ["s3_credentials"]
    assert set(fred.post(CLASSIFICATION, data={"method": "s3", "dataset_name": "x"}).json()["errors"]) == {"s3_bucket"}


def test_all_problems_are_told_at_their_fields(fred: TestClient, store: JobStore) -> None:
    answer = fred.post(CLASSIFICATION, data={"folder_train": "/nowhere", "resize_width": "0", "encoding": "bmp"})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"dataset_name", "resize_width", "encoding"}
    answer = fred.post(CLASSIFICATION, data={"folder_train": "/nowhere", "dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"folder_train"}
    answer = fred.post(CLASSIFICATION, data={"method": "textfile", "dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"textfile_train_images"}
    answer = fred.post(CLASSIFICATION, data={"backend": "hdf5", "dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"backend"}
    answer = fred.post(CLASSIFICATION, data={"has_test_folder": "True", "folder_train": "/tmp", "dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"folder_test"}
    assert store.ids() == []


@pytest.mark.parametrize(("extension", "fields", "task", "wanted"), [
    ("image-gradients", {"train_image_count": "60", "val_image_count": "20"}, "regression",
     {"method": "gradients", "count": 80, "val_percent": 25, "width": 50, "channels": "gray"}),
    ("image-object-detection", {"train_image_folder": "HERE", "train_label_folder": "HERE", "val_min_box_size": "5",
                                "padding_image_width": "64", "padding_image_height": "32", "custom_classes": "a,b"},
     "detection", {"pad_width": 64, "pad_height": 32, "min_val_box": 5, "classes": "a,b"}),
    ("image-segmentation", {"feature_folder": "HERE", "label_folder": "HERE", "channel_conversion": "L",
                            "folder_pct_val": "30"},
     "segmentation", {"channels": "gray", "val_percent": 30, "method": "folders"}),
    ("image-sunnybrook", {"image_folder": "HERE", "contour_folder": "HERE"}, "segmentation",
     {"method": "contours", "channels": "gray"}),
    ("image-processing", {"feature_folder": "HERE", "label_folder": "HERE", "resize_width": "32"}, "processing",
     {"wanted_folder": "HERE", "width": 32}),
    ("regression", {"method": "gradients", "count": "70", "channels": "gray"}, "regression", {"count": 70})])
def test_each_extension_has_its_task(fred, store, pictures: Path, extension, fields, task, wanted) -> None:
    here = lambda value: str(pictures) if value == "HERE" else value
    answer = fred.post(f"/datasets/generic/create/{extension}/json", data={
        "dataset_name": "x", **{name: here(value) for name, value in fields.items()}})
    options = made(store, answer)
    assert {name: options[name] for name in wanted} == {name: here(value) for name, value in wanted.items()}
    assert store.jobs()[0].job.task == task


@pytest.mark.parametrize(("extension", "text"), [("image-gan", "classification"), ("nothing", "image-gradients")])
def test_an_extension_that_is_not_here_says_what_is(fred: TestClient, extension: str, text: str) -> None:
    answer = fred.post(f"/datasets/generic/create/{extension}/json", data={"dataset_name": "x"})
    assert (answer.status_code, text in answer.json()["error"]["message"]) == (404, True)


def test_databases_that_are_not_there_are_told_at_their_fields(fred: TestClient) -> None:
    answer = fred.post("/datasets/images/generic/json", data={"prebuilt_train_images": "/nowhere", "dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"prebuilt_train_images"}
    answer = fred.post("/datasets/images/generic/json", data={"dataset_name": "x"})
    assert set(answer.json()["errors"]) == {"prebuilt_train_images"}


def test_a_training_gets_every_field(fred: TestClient, store: JobStore, finished_job) -> None:
    dataset = finished_job("dataset").id
    options = made(store, fred.post(MODEL, data={
        "dataset": dataset, "model_name": "lenet", "method": "standard", "standard_networks": "lenet",
        "framework": "tensorflow", "train_epochs": "7", "snapshot_interval": "0.5", "val_interval": "2",
        "random_seed": "3", "batch_size": "16", "batch_accumulation": "2", "solver_type": "SGD", "rms_decay": "0.9",
        "learning_rate": "0.02", "lr_policy": "multistep", "lr_multistep_values": "20, 60", "lr_multistep_gamma": "0.4",
        "lr_step_gamma": "0.9", "use_mean": "pixel", "crop_size": "6", "aug_flip": "fliplr", "aug_quad_rot": "rot180",
        "aug_rot": "12", "aug_scale": "0.07", "aug_noise": "0.03", "aug_contrast": "0.8", "select_gpu_count": "2"}))
    assert {**options, "network": "lenet", "epochs": 7, "snapshot_interval": 0.5, "val_interval": 2, "seed": 3,
            "batch_size": 16, "accumulation": 2, "solver": "momentum", "learning_rate": 0.02, "lr_policy": "multistep",
            "lr_steps": [20, 60], "lr_gamma": 0.4, "mean": "pixel", "crop": 6, "flip": "lr", "turns": "rot180",
            "rotation": 12, "rescale": 0.07, "noise": 0.03, "contrast": 0.8, "gpu_count": 2} == options


@pytest.mark.parametrize(("fields", "wanted"), [
    ({}, {"lr_policy": "step", "lr_step": 33, "lr_gamma": 0.1, "solver": "momentum", "mean": "image", "epochs": 30}),
    ({"lr_step_size": "20", "lr_step_gamma": "0.3"}, {"lr_step": 20, "lr_gamma": 0.3}),
    ({"lr_policy": "exp"}, {"lr_gamma": 0.95}), ({"lr_policy": "inv"}, {"lr_gamma": 0.1, "lr_power": 0.5}),
    ({"lr_policy": "sigmoid"}, {"lr_step": 50, "lr_gamma": 0.1}), ({"lr_policy": "poly"}, {"lr_power": 3}),
    ({"use_mean": "True"}, {"mean": "image"}), ({"use_mean": "none"}, {"mean": "none"}),
    ({"select_gpus_list": "0,2"}, {"gpu_list": [0, 2]}), ({"select_gpu": "1"}, {"gpu_list": [1]}),
    ({"select_gpu": "next"}, {"gpu_list": []}), ({"solver_type": "NESTEROV"}, {"solver": "nesterov"})])
def test_defaults_are_those_of_digits(fred: TestClient, store, finished_job, fields: dict, wanted: dict) -> None:
    options = made(store, fred.post(MODEL, data={"dataset": finished_job("dataset").id, "model_name": "x",
                                                 "standard_networks": "lenet", **fields}))
    assert {name: options[name] for name in wanted} == wanted


def test_several_values_make_several_trainings(fred: TestClient, store: JobStore, finished_job) -> None:
    answer = fred.post(MODEL, data={"dataset": finished_job("dataset").id, "model_name": "x", "batch_size": "4,8",
                                    "standard_networks": "lenet", "learning_rate": "0.1, 0.01"})
    found = answer.json()["jobs"]
    assert sorted(row["name"] for row in found)[0] == "x learning_rate:0.01 batch_size:4"
    assert {(view.job.options["batch_size"], view.job.options["learning_rate"]) for view in map(store.get, (
        row["id"] for row in found))} == {(4, 0.1), (4, 0.01), (8, 0.1), (8, 0.01)}


@pytest.mark.parametrize(("snapshot", "start"), [("none", ""), ("0", ""), ("1", "1"), ("2.0", "2"), ("-1", "")])
def test_an_earlier_network_with_or_without_its_weights(fred, store, finished_job, snapshot: str, start: str) -> None:
    model = finished_job("model")
    options = made(store, fred.post(MODEL, data={
        "dataset": model.job.needs[0], "model_name": "x", "method": "previous", "previous_networks": model.id,
        f"{model.id}-snapshot": snapshot}))
    assert (options["network"], options["start_model"]) == ("lenet", model.id if start else "")
    assert not start or options["start_checkpoint"] == start


def test_a_pretrained_network_brings_its_weights(fred: TestClient, store: JobStore, finished_job) -> None:
    model = finished_job("pretrained")
    options = made(store, fred.post(MODEL, data={
        "dataset": finished_job("dataset").id, "model_name": "x", "method": "pretrained",
        "pretrained_networks": model.id}))
    assert (options["network"], options["start_model"]) == ("lenet", model.id)


@pytest.mark.parametrize(("fields", "field"), [
    ({"standard_networks": "lenet7"}, "standard_networks"), ({}, "standard_networks"),
    ({"method": "previous", "previous_networks": "x"}, "previous_networks"), ({"method": "custom"}, "custom_network"),
    ({"method": "other"}, "method"), ({"framework": "theano", "standard_networks": "lenet"}, "framework"),
    ({"solver_type": "FTRL", "standard_networks": "lenet"}, "solver_type"),
    ({"train_epochs": "many", "standard_networks": "lenet"}, "train_epochs"),
    ({"lr_policy": "multistep", "lr_multistep_values": "5,x", "standard_networks": "lenet"}, "lr_multistep_values"),
    ({"crop_size": "0", "standard_networks": "lenet"}, "crop_size"),
    ({"python_layer_server_file": "/x.py", "standard_networks": "lenet"}, "python_layer_server_file"),
    ({"dataset": "20200101-000000-abcd", "standard_networks": "lenet"}, "dataset"),
    ({"model_name": "", "standard_networks": "lenet"}, "model_name")])
def test_what_is_wrong_with_a_training_is_told_at_its_field(fred, finished_job, fields: dict, field: str) -> None:
    answer = fred.post(MODEL, data={"dataset": finished_job("dataset").id, "model_name": "x", **fields})
    assert (answer.status_code, list(answer.json().get("errors", {}))) == (400, [field])


@pytest.mark.parametrize(("text", "language"), [
    ('name: "LeNet"\nlayer {\n  name: "data"\n}', "Caffe"), ("require 'nn'\nlocal net = nn.Sequential()", "Torch7"),
    ("return function(params)\nend", "Torch7"), ("class UserModel(Tower):\n    pass", "TensorFlow")])
def test_a_network_for_another_framework_is_named_as_such(fred, finished_job, text: str, language: str) -> None:
    with pytest.raises(BadNetwork, match=language):
        check_source(text)
    answer = fred.post(MODEL, data={"dataset": finished_job("dataset").id, "model_name": "x", "method": "custom",
                                    "custom_network": text})
    assert f"for {language}" in answer.json()["errors"]["custom_network"][0]


def test_a_rate_is_drawn_with_101_points_for_each(stranger: TestClient) -> None:
    columns = stranger.post("/models/visualize-lr", data={
        "lr_policy": "exp", "lr_exp_gamma": "0.9", "learning_rate": "0.1,0.01"}).json()["data"]["columns"]
    assert [column[0] for column in columns] == ["Learning Rate 0", "Learning Rate 1"]
    assert [len(column) for column in columns] == [102, 102]
    assert columns[1][2] == pytest.approx(0.009)
    answer = stranger.post("/models/visualize-lr", data={"lr_policy": "up", "learning_rate": "0.1"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Invalid policy")


def test_customize_gives_the_source(stranger: TestClient, finished_job) -> None:
    model = finished_job("model")
    for name, data, snapshot in (("lenet", {}, None), (model.id, {"snapshot_epoch": "2"}, model.id)):
        found = stranger.post("/models/customize", params={"network": name, "framework": "torch"}, data=data).json()
        assert "def build_network(params)" in found["network"]
        assert found["snapshot"] == snapshot
    assert stranger.post("/models/customize", params={"network": "nothing"}).status_code == 404


def test_a_model_is_downloaded_at_an_epoch(stranger: TestClient, finished_job, workspace: Workspace) -> None:
    model = finished_job("model")
    for words in ({"params": {"epoch": "1"}}, {}):
        answer = stranger.get(f"/models/{model.id}/download.zip", **words)
        assert answer.content[:2] == b"PK"
        assert ("epoch_1.zip" in answer.headers["content-disposition"]) == bool(words)
    assert stranger.get(f"/models/{model.id}/download").content[:2] == b"\x1f\x8b"
    assert stranger.get(f"/models/{model.id}/download.rar").status_code == 400


def test_an_uploaded_archive_becomes_a_job(fred: TestClient, store: JobStore) -> None:
    answer = fred.post("/pretrained_models/upload_archive", files={"archive": ("lenet.zip", b"PK")})
    assert answer.json()["status"] == "success"
    assert store.get(answer.json()["id"]).name == "lenet"
    assert fred.post("/pretrained_models/upload_archive").status_code == 400


def test_a_browser_goes_to_the_page_of_what_it_made(fred: TestClient, pictures: Path) -> None:
    answer = fred.post("/datasets/images/classification", data={"folder_train": str(pictures), "dataset_name": "x"})
    assert (answer.status_code, answer.headers["location"][:8]) == (303, "/job?id=")


def test_a_checkpoint_becomes_a_pretrained_model(fred: TestClient, finished_job, store: JobStore) -> None:
    model = finished_job("model", name="lenet")
    for method in ("GET", "POST"):
        answer = fred.request(method, f"/models/{model.id}/to_pretrained/json", params={"epoch": "1"})
        made = store.get(answer.json()["id"])
        assert (made.name, made.job.kind, made.job.options["checkpoint_file"]) == (
            "lenet", "pretrained", "epoch_0001.000.safetensors")
    assert fred.get(f"/models/{model.id}/to_pretrained").headers["location"] == "/model_store"
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert fred.get(f"/models/{model.id}/to_pretrained", headers=foreign).status_code == 403


def test_stores_are_listed_and_unknown_models_refused(fred: TestClient, stranger: TestClient) -> None:
    assert fred.get("/store/models?refresh=1").json() == {}
    assert fred.get("/store/push?id=x").status_code == 404
    assert fred.get("/store/push?id=x", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert fred.get("/store/list").headers["location"] == "/model_store"


def test_single_files_of_caffe_become_a_model(fred: TestClient, store: JobStore) -> None:
    files = {"weights_file": ("lenet.caffemodel", b"x"), "model_def_file": ("deploy.prototxt", b"x")}
    words = {"job_name": "lenet", "framework": "caffe", "image_type": "1", "width": "28", "height": "28"}
    options = made(store, fred.post("/pretrained_models/new/json", data=words, files=files))
    assert {**options["files"], "image_type": "gray", "width": 28, "file": "job:upload/file.caffemodel"} == \
        options["files"]
    answer = fred.post("/pretrained_models/new/json", data={**words, "width": "0"}, files={
        "weights_file": ("lenet.t7", b"x")})
    assert set(answer.json()["errors"]) == {"width"}
    answer = fred.post("/pretrained_models/new/json", data=words, files={"weights_file": ("lenet.caffemodel", b"x")})
    assert set(answer.json()["errors"]) == {"model_def_file"}


def test_only_what_was_exported_is_published(fred: TestClient, finished_job) -> None:
    answer = fred.post(f"/models/{finished_job('model').id}/publish_inference/json", data={"modality": "CT"})
    assert (answer.status_code, "exported" in answer.json()["error"]["message"]) == (409, True)
    answer = fred.post(f"/models/{finished_job('model').id}/publish_inference/json", data={"modality": "?"})
    assert set(answer.json()["errors"]) == {"modality"}
