import hashlib
import json
import zipfile

import pytest

from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.modelstore import archive
from digits_core.services.models import find_checkpoint
from tests.infer.model_folders import make_model

FACTS = archive.Facts(name="Ziffern | lesen", task="classification", job="x", dataset="ziffern", trained=1.7e9)


def written(view, target, which="best"):
    archive.write(ModelFolder.read(view.folder.path), find_checkpoint(view, which), FACTS, target)
    return target


def test_an_archive_holds_everything_and_its_sums_are_right(store, tmp_path):
    path = written(make_model(store), tmp_path / "m.zip")
    with zipfile.ZipFile(path) as opened:
        names = set(opened.namelist())
        assert names == {"model.json", "info.json", "network.json", "labels.txt", "preprocessing.json", "mean.npy",
                         "weights.safetensors", "evaluation/val.json", "README.md", "SHA256SUMS"}
        for line in opened.read("SHA256SUMS").decode().splitlines():
            value, name = line.split("  ")
            assert hashlib.sha256(opened.read(name)).hexdigest() == value
            names.discard(name)
        assert names == {"SHA256SUMS"}
        about = json.loads(opened.read("model.json"))
        assert about["name"] == "Ziffern | lesen"
        assert about["checkpoint"]["epoch"] == 2.0
        assert opened.getinfo("weights.safetensors").compress_type == zipfile.ZIP_STORED


def test_the_same_model_gives_the_same_bytes(store, tmp_path):
    view = make_model(store)
    one, two = written(view, tmp_path / "1.zip"), written(view, tmp_path / "2.zip")
    assert one.read_bytes() == two.read_bytes()


def test_an_older_checkpoint_carries_no_report_of_another(store, tmp_path):
    path = written(make_model(store, mean="pixel"), tmp_path / "m.zip", "1")
    with zipfile.ZipFile(path) as opened:
        assert "evaluation/val.json" not in opened.namelist()
        assert "mean.npy" not in opened.namelist()


def test_damaged_weights_are_not_exported_and_nothing_stays(store, tmp_path):
    view = make_model(store)
    weights = view.folder.checkpoints / "epoch_0002.000.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    (tmp_path / "out").mkdir()
    with pytest.raises(BadData, match="wrong sha256"):
        written(view, tmp_path / "out" / "m.zip")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_card_cannot_be_broken_by_a_name(store):
    view = make_model(store)
    model = ModelFolder.read(view.folder.path)
    facts = archive.Facts(name="a\n# b | c", task="classification", job="x")
    card = archive.card(model, model.checkpoint("epoch_0002.000.safetensors"), facts)
    assert card.startswith("# a # b / c\n")
    assert "| Input | grey, 12 x 12 pixels (squash) |" in card


@pytest.mark.parametrize(("name", "wanted"), [
    ("a model", "a_model_epoch_2.zip"), ("../../etc/passwd", "etc_passwd_epoch_2.zip"),
    ("größe 3", "größe_3_epoch_2.zip"), ("///", "model_epoch_2.zip"), ("x" * 500, "x" * 80 + "_epoch_2.zip")])
def test_file_names_are_plain(name, wanted):
    assert archive.file_name(name, {"epoch": 2.0}) == wanted
