"""Every network takes every picture, learns from it, and keeps its weights' names."""

import pytest
import torch

from digits_core.errors import DigitsError
from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.build import build_network, count_parameters, enlarged
from digits_core.networks.stages import stages
from digits_core.train.hardware import Hardware
from digits_core.train.learner import Batch, Classifier
from digits_core.train.loss import Loss
from digits_core.train.options import ClassifierOptions
from digits_core.train.tuning import Tuning

SHAPES = [(1, 28, 28), (3, 33, 47)]
STANDARD = [name for name in networks_for("classification") if NETWORKS[name].standard]
MORE = [name for name in networks_for("classification") if name not in STANDARD]
SMALLEST = {min((spec for spec in NETWORKS.values() if spec.paper == paper), key=lambda spec: spec.parameters).name
            for paper in {NETWORKS[name].paper for name in MORE}}
"""The smallest of each family."""
SLOW = {"vgg16", "alexnet", "resnet50"}
"""Half a gigabyte of weights, or a minute of work."""
EVERY = [pytest.param(name, shape, marks=pytest.mark.slow if name in SLOW else ())
         for name in STANDARD for shape in SHAPES]
LARGE = [pytest.param(name, (3, 224, 224), marks=() if name in ("lenet", "mobilenet_v3_small") else pytest.mark.slow)
         for name in STANDARD]
OPTIONS = ClassifierOptions(solver="momentum", learning_rate=0.001)


def learner(name: str, shape: tuple[int, int, int], options: ClassifierOptions = OPTIONS) -> Classifier:
    torch.manual_seed(3)
    return Classifier(build_network(name, shape, 7), 7, options, Hardware(torch.device("cpu")))


def batch(shape: tuple[int, int, int], size: int = 3) -> Batch:
    torch.manual_seed(4)
    return Batch(torch.randn(size, *shape), torch.arange(size) % 7)


def frozen(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("name", "shape"), EVERY + LARGE)
def test_a_step_changes_weights_and_gives_a_finite_loss(name: str, shape: tuple[int, int, int]) -> None:
    made = learner(name, shape)
    before = frozen(made.weights())
    loss = float(made.step(batch(shape), 0.001)["loss"])
    assert 0 < loss < 100
    assert not same(before, made.weights())


@pytest.mark.parametrize(("name", "shape"), EVERY)
def test_measuring_changes_no_weight(name: str, shape: tuple[int, int, int]) -> None:
    made = learner(name, shape)
    before = frozen(made.state_dict())
    metrics = made.evaluate([batch(shape), batch(shape, 1)])
    assert same(before, made.state_dict())
    assert set(metrics) == {"loss", "accuracy", "top5"}


@pytest.mark.parametrize(("name", "shape"), EVERY)
def test_a_state_makes_another_learner_go_on_with_the_same_bits(name: str, shape: tuple[int, int, int]) -> None:
    one, other = learner(name, shape), learner(name, shape)
    one.step(batch(shape), 0.001)
    one.step(batch(shape)._replace(share=0.5, last=False), 0.001)
    other.load_state_dict(frozen(one.state_dict()))
    assert same(one.state_dict(), other.state_dict())
    losses = [float(made.step(batch(shape)._replace(share=0.5, seed=5), 0.001)["loss"]) for made in (one, other)]
    assert losses[0] == losses[1]
    assert same(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
                                  for name in STANDARD])
@pytest.mark.parametrize("shape", [(1, 1, 90), (2, 17, 9)])
def test_a_single_odd_picture_can_be_trained_on(name: str, shape: tuple[int, int, int]) -> None:
    made = learner(name, shape)
    assert float(made.step(batch(shape, 1), 0.001)["loss"]) > 0


def test_lenet_has_the_parameters_of_digits() -> None:
    assert count_parameters(build_network("lenet", (1, 28, 28), 10)) == 431_080


def test_lenet_starts_within_caffes_xavier_limits() -> None:
    weight = build_network("lenet", (1, 28, 28), 10).state_dict()["conv2.weight"]
    limit = (3 / 500) ** 0.5
    assert 0.95 * limit < float(weight.abs().max()) <= limit


def test_googlenet_learns_from_its_auxiliary_heads() -> None:
    made = learner("googlenet", (1, 28, 28))
    before = made.weights()["aux1.fc2.weight"].clone()
    made.step(batch((1, 28, 28)), 0.1)
    assert not torch.equal(before, made.weights()["aux1.fc2.weight"])


def test_auxiliary_losses_weigh_three_tenths() -> None:
    logits, label = torch.randn(4, 7), torch.tensor([0, 1, 2, 3])
    shown, total = Loss(ClassifierOptions(), None, torch.device("cpu"))((logits, logits, logits), Batch(logits, label))
    assert float(total) == pytest.approx(1.6 * float(shown))


def test_weights_keep_their_names_whatever_the_size() -> None:
    small, large = (build_network("resnet18", (3, side, side), 5).state_dict() for side in (20, 224))
    assert small.keys() == large.keys()


@pytest.mark.parametrize(("size", "smallest", "expected"), [
    ((28, 28), 64, (64, 64)), ((33, 47), 64, (64, 92)), ((224, 224), 64, (224, 224)), ((1, 90), 64, (64, 256)),
    ((1, 900), 64, (64, 900))])
def test_small_pictures_are_enlarged_as_little_as_possible(size: tuple[int, int], smallest: int,
                                                           expected: tuple[int, int]) -> None:
    assert enlarged(size, smallest) == expected


def test_an_unknown_network_is_named_with_those_there_are() -> None:
    with pytest.raises(DigitsError, match="no network 'lenett'; did you mean lenet"):
        build_network("lenett", (1, 28, 28), 10)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in SMALLEST else pytest.mark.slow)
                                  for name in MORE])
def test_every_network_takes_grey_pictures_of_seven_classes(name: str) -> None:
    with torch.device("meta"):
        network = build_network(name, (1, 48, 30), 7)
        assert network(torch.zeros(1, 1, 48, 30)).shape == (1, 7)
    assert {p.shape[0] for module in stages(network)[-1] for p in module.parameters()} == {7}


SLOWER = ("densenet121", "efficientnet_b0", "shufflenet_v2_x0_5", "swin_t", "vit_b_32", "maxvit_t", "convnext_tiny")
FORWARD = ["inception_v3", "mnasnet0_5", "regnet_y_400mf", "squeezenet1_1",
           *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)]


@pytest.mark.parametrize("name", FORWARD)
def test_one_of_every_family_learns_from_a_single_picture(name: str) -> None:
    made = learner(name, (1, 40, 40))
    before = frozen(made.weights())
    assert float(made.step(batch((1, 40, 40), 1), 0.001)["loss"]) > 0
    assert not same(before, made.weights())


def test_the_stages_of_a_vision_transformer_are_its_layers_and_its_codes_freeze_with_them() -> None:
    with torch.device("meta"):
        network = build_network("vit_b_32", (3, 64, 64), 7)
    assert len(stages(network)) > 12
    tuning = Tuning(network, ClassifierOptions(trainable_stages=2))
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert "heads.head.weight" in learning
    assert not learning & {"class_token", "encoder.pos_embedding", "conv_proj.weight"}
    assert len(tuning.parameters) == len(learning)


def test_the_parameters_torchvision_tells_are_those_that_are_built() -> None:
    for name in ("resnet34", "regnet_x_400mf", "vit_b_32", "swin_v2_t"):
        with torch.device("meta"):
            assert count_parameters(build_network(name, (3, 224, 224), 1000)) == NETWORKS[name].parameters
