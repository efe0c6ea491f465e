"""Caffe's networks compute here what they compute there; OpenCV 4, which reads the same files, is the judge."""

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from digits_core.modelstore import caffe
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
