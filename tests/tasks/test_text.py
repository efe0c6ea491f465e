"""Text classification, from a table to answers: by the real build, training and inference process."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits_core.data.texts import ALPHABET, numbered, written
from digits_core.errors import BadState, InvalidOptions
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.options import option_fields
from digits_core.services import datasets, exports, inference, models, modelstore, networks, thumbnails, versions
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks
from digits_core.train.dataset import Dataset
from tests.export import alone
from tests.infer.triton import agrees
from tests.tasks.drawn import OWN
from tests.ticking import Tick

Json = dict[str, Any]
WORDS = {"ships": "harbour sail anchor deck mast tide", "cakes": "flour sugar butter oven cream icing",
         "birds": "feather beak nest wing song egg"}


def sentences(path: Path, count: int, seed: int = 1, names: bool = True) -> Path:
    """A table of sentences, most of their words at random from anywhere, some from their class."""
    chance, everything = np.random.default_rng(seed), " ".join(WORDS.values()).split()
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerows([["about", "title", "text"]] if names else [])
        for number in range(count):
            label = list(WORDS)[number % 3]
            own, others = chance.choice(WORDS[label].split(), 4), chance.choice(everything, 2)
            text = " ".join(chance.permutation([*own, *others]))
            lines.writerow([label, text.split()[0].title(), text.partition(" ")[2] + "!"])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sentences(tmp_path_factory.mktemp("tables") / "sentences.csv", 240)


@pytest.fixture(scope="module")
def data(workspace: Workspace, tick: Tick, table: Path) -> JobView:
    found = tick(datasets.create_dataset(workspace, "fred", "text", "sentences", {"table": str(table), "length": 64}))
    assert found.status is Status.DONE, found.state.reason
    return found


@pytest.fixture(scope="module")
def model(workspace: Workspace, tick: Tick, data: JobView) -> JobView:
    found = tick(models.create_model(workspace, "fred", "reader", data.id, {
        "epochs": 12, "batch_size": 16, "solver": "adam", "learning_rate": 0.003, "seed": 1}))
    assert found.status is Status.DONE, found.state.reason
    return found


def test_characters_become_numbers_and_back() -> None:
    assert written(numbered("Hello, WÖRLD?", ALPHABET, 20), ALPHABET) == "hello, w rld?"
    assert len(numbered("a" * 100, ALPHABET, 20)) == 20


@pytest.mark.slow
def test_inference_clients_send_texts_or_their_numbers(model: JobView, workspace: Workspace, triton: Any) -> None:
    text = "Harbour sail anchor"
    native, = inference.classify(workspace, "", model.id, inference.load_texts([text]))
    agrees(triton, model.id, numbered(text, ALPHABET, 64), text.encode(), native)


def test_a_table_becomes_records(data: JobView, workspace: Workspace) -> None:
    found = Dataset.read(data.folder)
    assert (found.shape, found.labels, found.mean_pixel, found.std_pixel) == (
        (1, 1, 64), sorted(found.labels, key=list(WORDS).index), [0.0], [1.0])
    assert found.entries == {"train": 180, "val": 60}
    pixels, labels = found.records("train").batch(range(6))
    for numbers, label in zip(pixels, labels, strict=True):
        words = set(written(numbers, ALPHABET).replace("!", "").split())
        assert words & set(WORDS[found.labels[label]].split())


def test_its_texts_are_shown_and_found_by_class_and_line(data: JobView, workspace: Workspace) -> None:
    page = datasets.samples(workspace, data.id, "val", 1, limit=3)
    assert [sample.class_name for sample in page.items] == [Dataset.read(data.folder).labels[1]] * 3
    assert page.items[0].path.startswith("sentences.csv, line ") and page.items[0].png.startswith(b"\x89PNG")


def test_a_network_learns_to_read_and_answers(model: JobView, workspace: Workspace) -> None:
    assert models.evaluation(model)["accuracy"] >= 0.9
    answers = inference.classify(workspace, "fred", model.id, [
        ("text", b"Sail to the harbour, drop anchor"), ("text", b"Zucker: sugar and butter and flour")])
    assert [answer["predictions"][0]["label"] for answer in answers] == ["ships", "cakes"]
    assert inference.shown_input(workspace, model.id, ("text", b"Sail")).startswith(b"\x89PNG")
    with pytest.raises(Exception, match="empty text"):
        inference.classify(workspace, "fred", model.id, [("text", b"  ")])


def test_a_table_and_a_dataset_are_worked_through(model: JobView, data: JobView, workspace: Workspace, tick: Tick,
                                                  tmp_path: Path) -> None:
    fresh = sentences(tmp_path / "fresh.csv", 30, seed=2, names=False)
    view = tick(inference.create_batch(workspace, "fred", model.id, "fresh", {"method": "texts", "table": str(fresh)}))
    assert view.status is Status.DONE, view.state.reason
    assert inference.batch_summary(workspace, view.id)["accuracy"] >= 0.9
    row = inference.batch_results(workspace, view.id).rows[0]
    assert row["image"] == "fresh.csv, line 1" and row["truth"] == "ships"
    assert thumbnails.thumbnails(workspace, view.id, [row])[0]
    tested = tick(inference.create_batch(workspace, "fred", model.id, "val", {"method": "dataset", "dataset": data.id}))
    assert tested.status is Status.DONE, tested.state.reason
    assert inference.batch_summary(workspace, tested.id)["accuracy"] == pytest.approx(
        models.evaluation(model)["accuracy"])


def test_its_model_travels(model: JobView, workspace: Workspace, tick: Tick, tmp_path: Path) -> None:
    copied = tmp_path / "model.zip"
    copied.write_bytes(modelstore.export_model(workspace, "fred", model.id).read_bytes())
    view = tick(modelstore.import_model(workspace, "fred", "travelled", copied))
    answers = [inference.classify(workspace, "fred", job, [("text", b"a nest with an egg")])[0]["predictions"]
               for job in (model.id, view.id)]
    assert answers[0] == answers[1]


def test_nothing_about_pictures_is_asked(data: JobView, workspace: Workspace) -> None:
    kind = tasks()["text"]
    names = {field.name for field in option_fields(kind.model_options)}
    assert not names & {"mean", "crop", "flip", "hsv"} and {"epochs", "label_smoothing"} <= names
    asked = {field.name for field in option_fields(kind.dataset_options)}
    assert not asked & {"channels", "resize_mode", "encoding"}
    with pytest.raises(InvalidOptions, match="no such option"):
        models.create_model(workspace, "fred", "x", data.id, {"flip": "lr"})
    with pytest.raises(InvalidOptions, match="lenet"):
        models.create_model(workspace, "fred", "x", data.id, {"network": "lenet"})
    with pytest.raises(BadState, match="pictures"):
        versions.create_version(workspace, "fred", data.id, edits=[{"do": "exclude", "split": "train", "index": 0}])


@pytest.mark.slow
def test_the_network_of_the_paper_can_be_looked_at(data: JobView, workspace: Workspace) -> None:
    assert networks.layers(workspace, "fred", data.id, {"network": "charcnn"})["parameters"] > 1_000_000


@pytest.mark.parametrize(("text", "options", "words"), [
    ("a,b\n,c\n", {"first_line": "data"}, "line 2: there is no class"), ("a\n", {}, "line 1: 1 cells"),
    ("1,one\n3,three\n", {"labels_file": "one\ntwo\n"}, "line 2: the class '3'"),
    ("a,b\n", {"label_column": 5}, "column 5"), ("a,\xff\n", {}, "UTF-8")], ids=["class", "cells", "number", "column",
                                                                              "bytes"])
def test_a_bad_table_is_refused_with_its_line(text: str, options: Json, words: str, workspace: Workspace, tick: Tick,
                                              tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(text.encode("latin-1"))
    if "labels_file" in options:
        (tmp_path / "labels.txt").write_text(options["labels_file"])
        options = {**options, "labels_file": str(tmp_path / "labels.txt")}
    view = tick(datasets.create_dataset(workspace, "fred", "text", "bad", {
        "table": str(tmp_path / "bad.csv"), **options}))
    assert view.status is Status.FAILED and words in view.state.reason


@pytest.mark.slow
def test_its_weights_are_a_start_and_its_network_may_be_ones_own(model: JobView, data: JobView, workspace: Workspace,
                                                                tick: Tick) -> None:
    again = tick(models.create_model(workspace, "fred", "again", data.id, {"epochs": 1, "start_model": model.id}))
    assert again.status is Status.DONE, again.state.reason
    assert {line["state"] for line in models.start_report(again)["tensors"]} == {"loaded"}
    own = tick(models.create_model(workspace, "fred", "own", data.id, {
        "epochs": 1, "network": "custom", "network_source": OWN.format(network="charcnn_small")}))
    assert own.status is Status.DONE, own.state.reason
    assert inference.classify(workspace, "fred", own.id, [("text", b"anchor")])[0]["predictions"]


@pytest.mark.slow
def test_it_says_the_same_everywhere(workspace: Workspace, tick: Tick, model: JobView, tmp_path: Path) -> None:
    view = tick(exports.create(workspace, "fred", model.id, {"pictures": 40, "precisions": ["fp32", "int8"]}))
    assert view.status is Status.DONE, view.state.reason
    texts = [f"{words} {number}!" for number, words in enumerate([*WORDS.values()] * 33)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    whole = exports.file(workspace, "fred", view.id, "predict.py").parent
    found = alone.predicted(whole, alone.empty(tmp_path / "packages"),
                            *(tmp_path / f"{number}.txt" for number in range(len(texts))))
    wanted = inference.classify(workspace, "fred", model.id, inference.load_texts(texts))
    for ours, theirs in zip(wanted, found, strict=True):
        alone.same(ours, theirs)
