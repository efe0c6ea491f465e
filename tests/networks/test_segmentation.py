"""Networks for segmentation answer for every pixel, exactly above what they saw, and learn from a single picture."""

import pytest
import torch
from torch import nn
from torchvision import models

from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.build import build_network, count_parameters
from digits_core.networks.fcn import FCN8s, FCNAlexNet
from digits_core.networks.padding import padded
from digits_core.networks.segmentation import BACKBONES
from digits_core.networks.stages import stages
from digits_core.train.segment_loss import SegmentLoss

SLOW = {"fcn8s", "fcn_alexnet", "deeplabv3_resnet50"}
EVERY = [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in networks_for("segmentation")]


def main(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return outputs[0] if isinstance(outputs, tuple) else outputs


@pytest.mark.parametrize("name", networks_for("segmentation"))
@pytest.mark.parametrize("shape", [(1, 32, 32), (4, 50, 97)])
def test_masks_are_as_large_as_pictures_of_any_size_and_channels(name: str, shape: tuple[int, int, int]) -> None:
    with torch.device("meta"):
        network = build_network(name, shape, 5)
        for training in (True, False):
            outputs = network.train(training)(torch.zeros(2, *shape))
            for logits in outputs if isinstance(outputs, tuple) else (outputs,):
                assert logits.shape == (2, 5, *shape[1:])
        assert {p.shape[0] for module in stages(network)[-1] for p in module.parameters()} == {5}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("size", [(32, 32), (9, 41)])
def test_a_single_picture_can_be_learned_from_and_is_then_liked_better(name: str, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    network = build_network(name, (1, *size), 3)
    image, mask = torch.randn(1, 1, *size), torch.zeros(1, *size, dtype=torch.uint8)
    mask[:, :, :size[1] // 2], mask[:, 0] = 2, 255
    solver, loss = torch.optim.Adam(network.parameters(), 1e-3), SegmentLoss(dice=False)
    losses = []
    for _ in range(6):
        network.train()
        shown, total = loss(network(image), mask)
        total.backward()
        solver.step()
        solver.zero_grad()
        losses.append(float(shown.detach()))
    assert min(losses[1:]) < losses[0]
    assert torch.isfinite(main(network.eval()(image))).all()


@pytest.mark.parametrize("name", networks_for("segmentation"))
def test_the_list_tells_about_how_many_parameters_there_are(name: str) -> None:
    with torch.device("meta"):
        network = build_network(name, (3, 64, 64), 21)
    assert count_parameters(network) == pytest.approx(NETWORKS[name].parameters, rel=0.07)


def test_what_is_added_at_the_edges_repeats_them_and_leaves_the_picture() -> None:
    picture = torch.randn(1, 1, 33, 50)
    whole = padded(picture, 16)
    assert whole.shape == (1, 1, 48, 64)
    assert torch.equal(whole[..., :33, :50], picture)
    assert (whole[..., 33:, 0] == picture[..., -1:, 0]).all()


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
                                  for name in ("unet_narrow", "fcn8s", "fcn_alexnet")])
def test_a_bright_spot_moves_the_scores_around_itself(name: str) -> None:
    """With weights that only blur, the centre of what comes out lies where the spot is."""
    torch.manual_seed(1)
    with torch.device("meta"):
        network = build_network(name, (1, 256, 256), 1)
    network = _blurring(network.to_empty(device="cpu")).eval()
    picture = torch.zeros(1, 1, 256, 256)
    with torch.inference_mode():
        nothing = network(picture)
        for y, x in ((112, 144), (131, 102)):
            picture[..., y - 16:y + 16, x - 16:x + 16] = 1
            answer = (network(picture) - nothing)[0, 0].double().abs()
            picture[:] = 0
            centre = [float((answer.sum(axis) * torch.arange(256)).sum() / answer.sum()) for axis in (1, 0)]
            assert centre == pytest.approx([y - 0.5, x - 0.5], abs=3)


def _blurring(network: nn.Module) -> nn.Module:
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.constant_(part.weight, 1 / part.weight[0].numel())
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    if hasattr(network, "classifier"):  # the middle of the dense layer's kernel: its whole is as large as the picture
        kernel = network.classifier[0].weight
        start, end = (kernel.shape[2] - 1) // 2, kernel.shape[2] // 2 + 1
        nn.init.zeros_(kernel)
        nn.init.constant_(kernel[..., start:end, start:end], 1 / kernel.shape[1] / (end - start) ** 2)
    return network


@pytest.mark.parametrize(("kind", "classifier"), [(FCN8s, "vgg16"), (FCNAlexNet, "alexnet")])
def test_published_weights_of_the_classifier_fit_all_layers_but_the_scores(kind: type, classifier: str) -> None:
    with torch.device("meta"):
        weights, network = models.get_model(classifier).state_dict(), kind(3, 21)
        found, own = network.adopt(weights), network.state_dict()
    fitting = {name for name, tensor in own.items() if name in found and found[name].shape == tensor.shape}
    assert {name.split(".")[0] for name in own.keys() - fitting} <= {"score", "score_pool3", "score_pool4"}
    assert network.adopt(own) == own


def test_dense_layers_see_as_convolutions_what_they_saw() -> None:
    torch.manual_seed(1)
    weights = {"classifier.1.weight": torch.randn(4096, 256 * 6 * 6)}
    with torch.device("meta"):
        network = FCNAlexNet(3, 2)
    features = torch.randn(1, 256, 6, 6)
    adopted = network.adopt(weights)["classifier.0.weight"]
    dense = features.flatten(1) @ weights["classifier.1.weight"].T
    assert torch.allclose(nn.functional.conv2d(features, adopted).flatten(1), dense, atol=1e-2)


@pytest.mark.parametrize("name", BACKBONES)
def test_published_weights_of_the_classifier_fit_the_backbone(name: str) -> None:
    with torch.device("meta"):
        weights, network = models.get_model(BACKBONES[name]).state_dict(), build_network(name, (3, 64, 64), 5)
        found, own = network.adopt(weights), network.state_dict()
    assert {key for key in own if key.startswith("backbone.")} == {
        key for key, tensor in own.items() if key in found and found[key].shape == tensor.shape}
    assert network.adopt(own) == own


def test_torchvisions_names_are_kept() -> None:
    with torch.device("meta"):
        theirs = models.get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=5,
                                  aux_loss=True)
        ours = build_network("deeplabv3_mobilenet_v3_large", (3, 64, 64), 5)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
