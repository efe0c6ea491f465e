"""Pins of numbers and of pictures: near enough in their own units, alike enough in dB, and said when it is not."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits_core import files
from digits_core.errors import BadData, InvalidOptions, NotFound
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.right import Pictures, near_db
from digits_core.services import datasets, inference, pin_wants, pins, team
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from tests.infer.model_folders import make_model
from tests.modelstore.stores import publish, published
from tests.tasks import drawn
from tests.ticking import ticking

Json = dict[str, Any]
IMAGE = ("a.png", drawn.picture())


MADE: dict[str, Json] = {
    "regression": {"labels": ["x", "y"], "details": {"mean": [50.0, 2.5], "std": [20.0, 1.0]}},
    "processing": {"network": "unet_narrow", "labels": ["grey"]}}


@pytest.fixture(scope="module")
def trained(shared, tmp_path_factory) -> Callable[[str], tuple[JobView, JobView, JobView]]:
    """By task: a dataset of drawn pictures, and two models for it that know nothing, each in its own way."""
    known: dict[str, Any] = {}

    def of(name: str) -> tuple[JobView, JobView, JobView]:
        if name not in known:
            known[name] = _trained(shared, name, tmp_path_factory.mktemp(name) / "pictures")
        return known[name]

    return of


def _trained(space: Workspace, name: str, root: Path) -> tuple[JobView, JobView, JobView]:
    with_tick = ticking(space)
    tick = next(with_tick)
    data = tick(datasets.create_dataset(space, "ann", name, name, {
        **drawn.DRAWN[name](root, 20), "channels": "gray", "width": 32, "height": 32, "val_percent": 40}))
    assert data.status is Status.DONE, data.state.reason
    with_tick.close()
    return data, *(make_model(space.store, seed, side=32, mean="pixel", task=name, **MADE[name]) for seed in (1, 99))


def said(space, model) -> Json:
    [answer] = inference.classify(space, "", model.id, [IMAGE])
    return {row["label"]: row["value"] for row in answer["values"]}


def test_numbers_stay_within_what_was_pinned_or_the_version_is_refused(space, trained):
    _, good, bad = trained("regression")
    published(space, good)
    now = said(space, good)
    [pin] = pin_wants.pin_values(space, "ann", "zahlen", [IMAGE], [
        {"label": "x", "value": now["x"] + 0.4, "within": 0.5}, {"label": "y", "value": now["y"], "within": 0}])
    assert pin_wants.said(space, "zahlen", IMAGE)["values"][0]["value"] == pytest.approx(now["x"])
    assert published(space, good) == 2
    view = publish(space, bad)
    [row] = team.gate(space, view.id)
    assert view.status is Status.FAILED and row["pin"] == pin and not row["right"]
    other = said(space, bad)
    assert f"y {other['y']:.6g} instead of" in row["why"] or f"y {other['y']:.6g}" in row["said"]
    assert f"y {now['y']:.6g} ± 0" in row["wanted"] and row["why"] in view.state.reason


def test_the_share_of_records_that_are_near_enough_is_held(space, trained):
    data, good, bad = trained("regression")
    published(space, good)
    pins.pin_slice(space, "ann", "zahlen", data.id, "val", "x", 1.0, 1e6)
    assert published(space, bad) == 2
    pins.pin_slice(space, "ann", "zahlen", data.id, "val", "", 0.5, 1e-6)
    view = publish(space, good)
    fine, strict = team.gate(space, view.id)
    assert fine["right"] and fine["entries"] == 8
    assert not strict["right"] and strict["said"] == 0 and "everything in val of regression (± 1e-06)" in strict["why"]
    assert strict["wrong"][0]["truth"].count("±") == 2 and len(strict["wrong"][0]["said"]) == 2


def test_made_pictures_stay_alike_or_the_version_is_refused_with_what_came(space, trained):
    _, good, bad = trained("processing")
    published(space, good)
    pin = pin_wants.pin_target(space, "ann", "zahlen", IMAGE, None, 60.0)
    wanted = Image.open(io.BytesIO(pin_wants.wanted_picture(space, "zahlen", pin["id"])))
    assert (pin["target"], wanted.size) == ("", (32, 32))
    assert published(space, good) == 2
    view = publish(space, bad)
    [row] = team.gate(space, view.id)
    assert view.status is Status.FAILED and "dB instead of 60 dB or more" in row["why"]
    made = Image.open(io.BytesIO(pin_wants.made_picture(space, view.id, pin["id"]))).convert("L")
    away = near_db(np.asarray(made)[None], np.asarray(wanted.convert("L"))[None])
    assert row["said"] == [f"{away:.1f} dB"] and away < 60
    with pytest.raises(NotFound):
        pin_wants.made_picture(space, view.id, "x")
    pins.unpin(space, "ann", "zahlen", pin["id"])
    assert not list((Pins(team.team_store(space), "zahlen").folder / "pins").iterdir())


def test_a_target_of_any_size_is_resized_like_the_picture(space, trained):
    data, good, _ = trained("processing")
    published(space, good)
    pin_wants.pin_target(space, "ann", "zahlen", IMAGE, ("wanted.png", IMAGE[1]), 1.0)
    assert published(space, good) == 2
    pins.pin_slice(space, "ann", "zahlen", data.id, "val", "", 1.0, 100.0)
    view = publish(space, good)
    row = team.gate(space, view.id)[1]
    assert view.status is Status.FAILED and row["wrong"][0]["truth"] == "100 dB or more"


@pytest.mark.parametrize(("values", "words"), [
    ([], "At least one"), ([{"label": "z", "value": 1, "within": 1}], "tells x, y"),
    ([{"label": "x", "value": 1, "within": 1}] * 2, "One number for each"),
    ([{"label": "x", "value": float("nan"), "within": 1}], "needs a number"),
    ([{"label": "x", "value": 1, "within": -1}], "needs a number"), ([{"label": "x", "value": 1}], "needs a number")])
def test_numbers_that_cannot_be_pinned_are_said_at_their_field(space, trained, values, words):
    published(space, trained("regression")[1])
    with pytest.raises(InvalidOptions, match=words) as caught:
        pin_wants.pin_values(space, "ann", "zahlen", [IMAGE], values)
    assert list(caught.value.by_field()) == ["values"] and pins.pins(space, "zahlen")["pictures"] == []


def test_other_things_that_cannot_be_pinned_are_said(space, trained):
    data, good, _ = trained("processing")
    published(space, good)
    with pytest.raises(InvalidOptions) as caught:
        pin_wants.pin_target(space, "ann", "zahlen", IMAGE, ("t.png", b"nothing"), 0)
    assert set(caught.value.by_field()) == {"target", "psnr"}
    with pytest.raises(InvalidOptions, match="least PSNR"):
        pins.pin_slice(space, "ann", "zahlen", data.id)
    with pytest.raises(BadData, match="a wanted picture and a PSNR"):
        pins.pin_pictures(space, "ann", "zahlen", [IMAGE], "x")
    path = space.settings.team_folder / "zahlen-v1" / "info.json"
    files.write_atomic(path, {**files.read_json(path), "publication": "20200101-000000-abcd"})
    with pytest.raises(BadData, match="say yourself what is wanted"):
        pin_wants.pin_target(space, "ann", "zahlen", IMAGE)


def test_a_version_that_tells_no_such_number_is_refused(space, trained):
    _, good, bad = trained("regression")
    published(space, good)
    Pins(team.team_store(space), "zahlen").add_picture(*IMAGE, "ann", {"values": [
        {"label": "gone", "value": 1.0, "within": 1.0}]})
    view = publish(space, bad)
    assert "a.png: the model does not tell gone" in view.state.reason


def test_pictures_of_another_size_are_never_alike(trained):
    model = ModelFolder.read(trained("processing")[1].folder.path)
    file = io.BytesIO()
    Image.new("L", (16, 16)).save(file, "PNG")
    verdict = Pictures(task("processing"), model).picture(
        {"picture": base64.b64encode(file.getvalue()).decode()}, {"psnr": 1.0, "name": "a"}, IMAGE[1])
    assert not verdict.right and "16 x 16, 1 channels instead of 32 x 32" in verdict.said[0]
