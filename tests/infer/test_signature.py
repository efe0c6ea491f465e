"""What goes into an exported network and what comes out, told without loading it."""

from dataclasses import replace

import pytest

from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import ANY, Port, signature
from tests.infer.model_folders import make_model


def of(store, task, outputs=0, **steps):
    model = ModelFolder.read(make_model(store, channels="color", crop=10, mean="pixel").folder.path)
    return signature(replace(model, network=model.network.model_copy(update={"task": task, "outputs": outputs}),
                             preprocessing=model.preprocessing.model_copy(update=steps)))


@pytest.mark.parametrize(("task", "outputs", "port"), [
    ("classification", 0, Port("probabilities", "float32", (ANY, 10))),
    ("multilabel", 0, Port("probabilities", "float32", (ANY, 10))),
    ("segmentation", 0, Port("mask", "uint8", (ANY, 10, 10))),
    ("regression", 0, Port("values", "float32", (ANY, 10))),
    ("processing", 0, Port("picture", "float32", (ANY, 3, 10, 10))),
    ("similarity", 8, Port("embedding", "float32", (ANY, 8))),
    ("generation", 110, Port("code", "float32", (ANY, 410)))])
def test_pictures_go_in_before_the_crop_and_each_task_has_its_output(store, task, outputs, port):
    found = of(store, task, outputs)
    assert found == (Port("image", "uint8", (ANY, 12, 12, 3)), port)
    assert found.batched


def test_boxes_are_found_on_one_picture_at_a_time(store):
    found = of(store, "detection")
    assert found == (Port("image", "uint8", (1, 12, 12, 3)), Port("boxes", "float32", (ANY, 6)))
    assert not found.batched


def test_full_depth_goes_in_as_numbers_with_fractions_and_texts_as_numbers_of_characters(store):
    assert of(store, "classification", channels="all", span=(0.0, 4095.0)).input.dtype == "float32"
    assert of(store, "text", channels="text", width=40, height=1).input == Port("text", "uint8", (ANY, 40))
