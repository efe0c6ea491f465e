"""Caffe's networks compute here what they compute there; OpenCV 4, which reads the same files, is the judge."""

import functools
import json
import re
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from digits_core.errors import BadData
from digits_core.modelstore import caffe, caffe_schema
from digits_core.networks import graph
from digits_core.networks.build import build_network
from tests.modelstore import caffe_nets as nets
from tests.modelstore.caffe_files import caffemodel, prototxt


def read(folder, definition, weights=None, **asked):
    """What the reader makes of a definition and weights; random ones where there are none."""
    (folder / "deploy.prototxt").write_text(definition)
    weights = weights or caffemodel(definition, folder / "snapshot.caffemodel")
    return caffe.read({"definition": str(folder / "deploy.prototxt"), "weights": str(weights),
                       "target": str(folder / "tensors"), "mean": "", "mean_target": str(folder / "mean.npy"),
                       "sides": [0, 0, 0], **asked})


def ours(folder, found, classes):
    network = build_network("caffe", tuple(found["sides"]), classes, "", found["graph"])
    network.load_state_dict(safetensors.torch.load_file(folder / "tensors"))
    return network.eval()


def differ(folder, lines, shape, classes):
    """The largest difference between OpenCV's answer and ours, in parts of the largest answer."""
    definition = prototxt(lines, shape)
    network = ours(folder, read(folder, definition), classes)
    theirs = cv2.dnn.readNetFromCaffe(str(folder / "deploy.prototxt"), str(folder / "snapshot.caffemodel"))
    rgb = np.random.default_rng(1).uniform(-100, 150, (2, *shape)).astype(np.float32)
    theirs.setInput(np.ascontiguousarray(rgb[:, ::-1]))
    wanted = theirs.forward()
    with torch.no_grad():
        logits = network(torch.from_numpy(rgb))
    found = (logits.softmax(1) if "Softmax" in lines else logits).numpy()
    assert found.shape == wanted.reshape(found.shape).shape
    assert wanted.std() > 0
    return np.abs(found - wanted.reshape(found.shape)).max() / np.abs(wanted).max()


@pytest.mark.parametrize(("lines", "shape", "classes", "wide"), [
    pytest.param(nets.LENET, (1, 28, 28), 10, 1, id="lenet"),
    pytest.param(nets.LENET, (3, 32, 30), 10, 5, id="lenet-colour"),
    pytest.param(nets.ALEXNET, (3, 99, 99), 1000, 8, id="alexnet"),
    pytest.param(nets.CAFFENET, (3, 99, 99), 1000, 8, id="caffenet"),
    pytest.param(nets.GOOGLENET, (3, 224, 224), 1000, 8, id="googlenet"),
    pytest.param(nets.VGG, (3, 64, 64), 1000, 8, id="vgg16"),
    pytest.param(nets.FCN32S, (3, 40, 50), 21, 16, id="fcn32s"),
    pytest.param(nets.FCN8S, (3, 45, 33), 21, 16, id="fcn8s"),
    pytest.param(nets.FCN_ALEXNET, (3, 60, 70), 21, 8, id="fcn-alexnet"),
    pytest.param(nets.RESIDUAL, (3, 31, 26), 7, 1, id="every other layer")])
def test_a_network_answers_as_opencv_does(tmp_path, lines, shape, classes, wide):
    assert differ(tmp_path, nets.narrow(lines, wide), shape, classes) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("lines", "shape", "classes"), [
    pytest.param(nets.ALEXNET, (3, 227, 227), 1000, id="alexnet"),
    pytest.param(nets.GOOGLENET, (3, 224, 224), 1000, id="googlenet"),
    pytest.param(nets.FCN_ALEXNET, (3, 120, 90), 21, id="fcn-alexnet")])
def test_a_network_in_its_full_width_answers_as_opencv_does(tmp_path, lines, shape, classes):
    assert differ(tmp_path, lines, shape, classes) < 1e-4


@pytest.mark.parametrize("pooling", [
    "pool: MAX kernel_size: 3 stride: 2", "pool: AVE kernel_size: 3 stride: 2 pad: 1",
    "pool: AVE kernel_size: 2 stride: 2", "pool: MAX kernel_size: 5 stride: 3 pad: 2",
    "pool: AVE kernel_h: 2 kernel_w: 4 stride_h: 2 stride_w: 3"])
@pytest.mark.parametrize("side", [9, 10, 11, 12])
def test_pooling_rounds_up_and_counts_its_edges_as_caffe_does(tmp_path, pooling, side):
    lines = f"Convolution c data {{ num_output: 4 kernel_size: 1 }}\nPooling p c {{ {pooling} }}\n" \
            "InnerProduct f p { num_output: 3 }"
    assert differ(tmp_path, lines, (3, side, side), 3) < 1e-4


def test_a_picture_whose_channels_are_not_alike_to_the_first_layers_is_flipped_by_one(tmp_path):
    lines = "BatchNorm b data\nConvolution c b { num_output: 6 kernel_size: 3 group: 3 }\n" \
            "Deconvolution d c { num_output: 2 kernel_size: 4 stride: 3 pad: 1 group: 2 }\n" \
            "InnerProduct f d { num_output: 3 }"
    assert differ(tmp_path, lines, (3, 9, 12), 3) < 1e-4
    assert '"kind":"flip"' in read(tmp_path, prototxt(lines, (3, 9, 12)))["graph"]


def test_dense_weights_that_stand_the_other_way_round_are_turned(tmp_path):
    lines = "Convolution c data { num_output: 2 kernel_size: 3 }\nInnerProduct f c { num_output: 5%s }"
    read(tmp_path, prototxt(lines % " transpose: true", (1, 5, 5)))
    turned = safetensors.torch.load_file(tmp_path / "tensors")["layers.f.weight"]
    stored = caffe_schema.from_bytes((tmp_path / "snapshot.caffemodel").read_bytes(), "Net", "")
    assert turned.shape == (5, 18)
    assert (turned.numpy().T.ravel() == np.frombuffer(stored.layer[1].blobs[0].data[0], "<f4")).all()


OLD = """
name: "old"
layers { name: "train" type: DATA top: "data" top: "label" include { phase: TRAIN } }
layers { name: "test" type: DATA top: "data" top: "label" include { phase: TEST }
         transform_param { scale: 0.5 crop_size: 6 mean_value: 1 mean_value: 2 mean_value: 3 } }
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "side" type: SPLIT bottom: "conv" top: "a" top: "b" }
layers { name: "gone" type: SILENCE bottom: "a" }
layers { name: "fc" type: INNER_PRODUCT bottom: "b" top: "fc" inner_product_param { num_output: 3 } }
layers { name: "acc" type: ACCURACY bottom: "fc" bottom: "label" top: "acc" include { phase: TEST } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "loss" }
"""


def old_weights(path):
    """A file of 2014: layers of the first form, and blobs with four sides each."""
    net, random = caffe_schema.new("Net"), np.random.default_rng(4)
    for name, shapes in (("conv", [(4, 3, 3, 3), (1, 1, 1, 4)]), ("fc", [(1, 1, 3, 64), (1, 1, 1, 3)])):
        layer = net.layers.add(name=name)
        for shape in shapes:
            blob = layer.blobs.add(num=shape[0], channels=shape[1], height=shape[2], width=shape[3])
            blob.data.append(random.normal(0, 1, shape).astype("<f4").tobytes())
    path.write_bytes(net.SerializeToString())
    return path


def test_a_training_definition_of_2014_is_read_for_what_it_answers(tmp_path):
    found = read(tmp_path, OLD, old_weights(tmp_path / "old.caffemodel"), sides=[3, 8, 8])
    assert (found["sides"], found["means"]) == ([3, 6, 6], [3.0, 2.0, 1.0])
    image = torch.randn(1, 3, 6, 6)
    tensors = safetensors.torch.load_file(tmp_path / "tensors")
    hidden = torch.nn.functional.conv2d(image * 0.5, tensors["layers.conv.weight"], tensors["layers.conv.bias"])
    wanted = torch.nn.functional.linear(hidden.flatten(1), tensors["layers.fc.weight"], tensors["layers.fc.bias"])
    assert torch.allclose(ours(tmp_path, found, 3)(image), wanted, atol=1e-5)


ALL_IN_ONE = """
layer { name: "train-data" type: "Data" top: "scaled" top: "label" include { stage: "train" } }
layer { name: "scale" type: "Power" bottom: "data" top: "scaled" power_param { scale: 0.1 }
        include { stage: "deploy" } }
layer { name: "ip" type: "InnerProduct" bottom: "scaled" top: "ip" inner_product_param { } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "softmax" type: "Softmax" bottom: "ip" top: "softmax" include { stage: "deploy" } }
"""


def test_what_digits_left_open_in_its_definitions_is_told_by_the_weights(tmp_path):
    filled = ALL_IN_ONE.replace("param { }", "param { num_output: 7 }")
    sized = 'input: "data" input_shape { dim: 1 dim: 1 dim: 4 dim: 5 }'
    weights = caffemodel(sized + filled, tmp_path / "w.caffemodel")
    found = read(tmp_path, ALL_IN_ONE, weights, sides=[1, 4, 5])
    assert ours(tmp_path, found, 7)(torch.zeros(1, 1, 4, 5)).shape == (1, 7)
    with pytest.raises(BadData, match="does not say how large pictures are"):
        read(tmp_path, ALL_IN_ONE, weights)


BROKEN = """
Convolution one data { num_output: 4 kernel_size: 3 }
Pooling two one { pool: STOCHASTIC kernel_size: 2 }
Python three two
Convolution four three { num_output: 4 kernel_size: 1 axis: 2 }
Slice five four > five rest { slice_point: 1 slice_point: 2 }
InnerProduct six five { num_output: 3 }
Python aside one
Silence quiet aside
"""


def test_every_layer_that_cannot_be_taken_over_is_named_at_once(tmp_path):
    definition = prototxt(BROKEN, (3, 9, 9))
    with pytest.raises(BadData) as caught:
        read(tmp_path, definition, old_weights(tmp_path / "w.caffemodel"))
    text = str(caught.value)
    assert text.startswith("4 layers of the network cannot be taken over: 'two' (Pooling): it pools by chance")
    assert all(part in text for part in ("'three' (Python): layers of this type", "'four' (Convolution)",
                                         "'five' (Slice): it has 2 places to cut and 2 outputs"))
    assert "aside" not in text and not (tmp_path / "tensors").exists()


def with_blob(shape, content, name="c"):
    net = caffe_schema.new("Net")
    blob = net.layer.add(name=name).blobs.add()
    blob.shape.dim.extend(shape)
    blob.data.append(content)
    return net.SerializeToString()


ONE = "Convolution c data { num_output: 4 kernel_size: 1 bias_term: false }\nInnerProduct f c { num_output: 2 }"


@pytest.mark.parametrize(("weights", "words"), [
    (b"", "holds no layers"), (b"\xff" * 50, "is damaged, or no file of Caffe"),
    (with_blob((4, 3, 1, 1), b"\0" * 8), "says that it is 4 x 3 x 1 x 1, and holds 2 numbers"),
    (with_blob((10**9, 10**9), b"\0" * 8), "says that it is 1000000000"),
    (with_blob((-4, -3), b"\0" * 48), "says that it is -4"),
    (with_blob((4, 3, 1, 1), np.full(12, np.nan, "<f4").tobytes()), "not numbers"),
    (with_blob((4, 3, 1, 1), b"\0" * 48, "other"), "they have nothing, or too little, for 2 of its layers: 'c', 'f'"),
])
def test_weights_that_are_none_are_told_in_words(tmp_path, weights, words):
    (tmp_path / "w").write_bytes(weights)
    with pytest.raises(BadData, match=re.escape(words)):
        read(tmp_path, prototxt(ONE, (3, 4, 4)), tmp_path / "w")


@pytest.mark.parametrize(("definition", "words"), [
    ("", "no layers that can be used"), ("layer {" * 5000, "its blocks are nested too deeply"),
    ("layer { type: 'ReLU' }\n" * 5001, "5,001 layers; at most 5,000"),
    (prototxt("Convolution c data { num_output: 0 kernel_size: 1 }", (3, 4, 4)), "'c' (Convolution): outputs"),
    (prototxt("Convolution c data { num_output: 2 kernel_size: 9 }", (3, 4, 4)), "they have nothing, or too little"),
    (prototxt("Pooling p data { kernel_size: 9 }", (3, 4, 4)), "'p' cannot take 3 x 4 x 4"),
    (prototxt("ReLU a data\nReLU b data", (3, 4, 4)), "2 outputs ('a', 'b')"),
    (prototxt("Pooling a data { kernel_size: 1 stride: 3 }", (3, 6, 6)), "last window would lie outside"),
    (prototxt("ReLU r ghost", (3, 4, 4)), "its input 'ghost' comes from nowhere"),
    (prototxt("ReLU r data > r\nReLU r data > r", (3, 4, 4)), "two layers of this name"),
    (prototxt("Pooling p data { kernel_size: 2 stride: 2 }", (3, 8, 8)), "One answer a picture"),
    ("layers { layer { name: 'x' } }", "the form of 2013"),
    (prototxt("Interp i data { zoom_factor: 9000 }", (3, 4, 4)), "'i' makes 2,187,162,003 values"),
    (prototxt("Reshape r data { shape { dim: 0 dim: 7 } }", (3, 4, 4)), "'r' cannot take"),
])
def test_definitions_that_make_no_network_are_told_in_words(tmp_path, definition, words):
    with pytest.raises(BadData, match=re.escape(words)):
        read(tmp_path, definition, old_weights(tmp_path / "w.caffemodel"))


@given(st.data())
def test_damaged_files_are_refused_or_read_and_nothing_else_happens(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    definition, weights = prototxt(ONE, (3, 4, 4)), whole_weights()
    kind = data.draw(st.sampled_from(["cut", "changed", "words", "noise"]))
    if kind == "cut":
        weights = weights[:data.draw(st.integers(0, len(weights) - 1))]
    elif kind == "changed":
        at = data.draw(st.integers(0, len(weights) - 1))
        weights = weights[:at] + data.draw(st.binary(min_size=1, max_size=4)) + weights[at + 1:]
    elif kind == "words":
        words = definition.split()
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(
            ["{", "}", "-1", "1e999", '"', "layer", "99999999999", "nan", "num_output:", "\x00", 'top: "data"']))
        definition = " ".join(words)
    else:
        weights = data.draw(st.binary(max_size=60))
    (folder / "w").write_bytes(weights)
    try:
        found = read(folder, definition, folder / "w")
    except BadData as error:
        assert 10 < len(str(error)) < 2000
    else:
        assert graph.read(found["graph"]).classes > 0


@functools.cache
def whole_weights():
    with tempfile.TemporaryDirectory() as folder:
        return caffemodel(prototxt(ONE, (3, 4, 4)), Path(folder) / "w").read_bytes()


@pytest.mark.parametrize(("change", "words"), [
    ({"layers": []}, "layers"), ({"output": "nobody"}, "is no layer"), ({"v": 2}, "v:"),
    ({"layers": [{"kind": "concat", "name": "a", "inputs": ["b"]}], "output": "a"}, "which no layer before it gives"),
    ({"layers": [{"kind": "code", "name": "a", "inputs": ["picture"]}]}, "layers.0"),
    ({"layers": [{"kind": "dense", "name": "a", "inputs": ["picture"], "outputs": 10**12}]}, "layers.0.dense.outputs")])
def test_a_description_that_somebody_changed_is_refused(tmp_path, change, words):
    found = json.loads(read(tmp_path, prototxt(ONE, (3, 4, 4)))["graph"])
    with pytest.raises(BadData, match=words):
        graph.read(json.dumps({**found, **change}))


@pytest.mark.parametrize("lines", [nets.FCN8S, nets.FCN_ALEXNET], ids=["fcn8s", "fcn-alexnet"])
def test_a_fully_convolutional_network_for_other_classes_changes_what_carries_classes_only(tmp_path, lines):
    found = read(tmp_path, prototxt(nets.narrow(lines, 16), (3, 40, 50)))
    before = safetensors.torch.load_file(tmp_path / "tensors")
    network = build_network("caffe", (3, 48, 36), 5, "", found["graph"]).eval()
    after = network.state_dict()
    changed = {name.split(".")[1] for name in after if after[name].shape != before[name].shape}
    assert changed == {part.name for part in graph.read(found["graph"]).layers if "score" in part.name} - {
        "score", "score_pool4c", "score_pool3c"}
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 48, 36)).shape == (1, 5, 48, 36)
    name = next(name for name in after if "upscore" in name)
    assert after[name][0, 0].sum() > 1 and after[name].flatten(1).count_nonzero() == after[name][0, 0].numel() * 5
