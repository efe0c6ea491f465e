"""One learner alone: balance, averages, clipping, frozen stages, and memory that is too small."""

from typing import Any

import numpy as np
import pytest
import torch

from digits_core.errors import BadData
from digits_core.evaluate.predictions import Keeper
from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.build import build_network
from digits_core.networks.stages import stages
from digits_core.train.batch import Batch
from digits_core.train.hardware import Hardware
from digits_core.train.learner import Classifier
from digits_core.train.loss import class_weights
from digits_core.train.options import ClassifierOptions
from digits_core.train.plan import balanced

CPU = Hardware(torch.device("cpu"))


def learner(network: str = "lenet", counts: tuple[int, ...] = (), classes: int = 3, **options: Any) -> Classifier:
    torch.manual_seed(0)
    shape = (1, 16, 16) if network == "lenet" else (3, 64, 64)
    chosen = ClassifierOptions(network=network, **options)
    return Classifier(build_network(network, shape, classes), classes, chosen, CPU, counts)


def batch(size: int = 8, **words: Any) -> Batch:
    chance = torch.Generator().manual_seed(1)
    return Batch(torch.randn((size, 1, 16, 16), generator=chance), torch.arange(size) % 3, **words)


def test_stages_go_from_input_to_output_for_every_network() -> None:
    for name in (name for name in networks_for("classification") if NETWORKS[name].standard):
        with torch.device("meta"):
            row = stages(build_network(name, (3, 64, 64), 5))
        assert len(row) >= 3, name
        assert {p.shape[0] for module in row[-1] for p in module.parameters()} == {5}, name
    assert len(stages(build_network("resnet18", (3, 64, 64), 5))) == 6


def test_frozen_stages_do_not_move_and_the_backbone_moves_slower() -> None:
    made = learner(trainable_stages=2, backbone_rate=0.1, momentum=0.0, weight_decay=0.0)
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items()}
    made._sum_gradients(batch())
    gradient = {name: p.grad.clone() for name, p in made.network.named_parameters() if p.grad is not None}
    made._move(1.0)
    after = made.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("conv"))
    assert torch.allclose(after["dense1.weight"], before["dense1.weight"] - 0.1 * gradient["dense1.weight"])
    assert torch.allclose(after["dense2.weight"], before["dense2.weight"] - gradient["dense2.weight"])


def test_statistics_of_frozen_stages_do_not_move() -> None:
    made = learner("resnet18", trainable_stages=1)
    pictures = Batch(torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 0]))
    before = {name: tensor.clone() for name, tensor in made.network.state_dict().items() if not name.startswith("fc")}
    made.step(pictures, 0.1)
    made.evaluate([pictures])
    made.step(pictures, 0.1)
    assert all(torch.equal(tensor, made.network.state_dict()[name]) for name, tensor in before.items())


def test_more_stages_than_there_are_is_refused() -> None:
    with pytest.raises(BadData, match="has 4 stages; 9 cannot be trained"):
        learner(trainable_stages=9)


def test_the_average_is_measured_and_saved_and_the_last_weights_go_on() -> None:
    made, plain = learner(ema=0.9), learner()
    history = []
    for _ in range(3):
        made.step(batch(), 0.1)
        plain.step(batch(), 0.1)
        history.append({name: tensor.clone() for name, tensor in made.network.state_dict().items()})
    assert all(torch.equal(one, other) for one, other in
               zip(made.network.state_dict().values(), plain.network.state_dict().values(), strict=True))
    torch.manual_seed(0)
    expected = build_network("lenet", (1, 16, 16), 3).state_dict()["conv1.weight"]
    for n, weights in enumerate(history, 1):
        keep = min(0.9, (1 + n) / (10 + n))
        expected = expected * keep + weights["conv1.weight"] * (1 - keep)
    assert torch.allclose(made.weights()["conv1.weight"], expected, atol=1e-6)
    assert made.evaluate([batch()]) != plain.evaluate([batch()])


@pytest.mark.parametrize("options", [{"ema": 0.9}, {"solver": "adam", "backbone_rate": 0.1}, {"trainable_stages": 2},
                                     {"ema": 0.5, "solver": "rmsprop", "trainable_stages": 3, "clip_norm": 0.5}])
def test_a_state_goes_round(options: dict) -> None:
    one, other = learner(**options), learner(**options)
    for _ in range(3):
        one.step(batch(), 0.05)
    other.load_state_dict(one.state_dict())
    for made in (one, other):
        made.step(batch(), 0.05)
    assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


def test_gradients_longer_than_the_norm_are_shortened() -> None:
    made = learner(clip_norm=0.01, momentum=0.0, weight_decay=0.0)
    before = torch.cat([p.detach().flatten().clone() for p in made.tuning.parameters])
    made.step(batch(), 1.0)
    after = torch.cat([p.detach().flatten() for p in made.tuning.parameters])
    assert float((after - before).norm()) == pytest.approx(0.01, rel=1e-3)


def test_class_weights_are_1_on_average_over_the_pictures() -> None:
    for kind in ("sqrt", "inverse"):
        weights = class_weights(kind, [90, 10])
        assert weights is not None
        assert (weights[0] * 90 + weights[1] * 10) / 100 == pytest.approx(1)
    assert class_weights("inverse", [90, 10])[1] / class_weights("inverse", [90, 10])[0] == pytest.approx(9)  # type: ignore[index]
    assert class_weights("sqrt", [90, 10])[1] / class_weights("sqrt", [90, 10])[0] == pytest.approx(3)  # type: ignore[index]
    assert class_weights("none", [90, 10]) is None


def nine_to_one(weights: str, samples: str) -> float:
    """Recall of the rare class of two that overlap, after a short training."""
    chance = np.random.default_rng(0)
    label = (np.arange(300) % 10 == 0).astype(np.int64)
    image = (chance.normal(0, 1, (300, 1, 16, 16)) + label[:, None, None, None] * 0.12).astype(np.float32)
    made = learner(counts=(270, 30), classes=2, class_weights=weights, momentum=0.9)
    for epoch in range(4):
        seeded = np.random.default_rng(epoch)
        order = balanced(label, seeded) if samples else seeded.permutation(300)
        for start in range(0, 300, 30):
            part = order[start:start + 30]
            made.step(Batch(torch.from_numpy(image[part]), torch.from_numpy(label[part])), 0.005)
    tally = made.tally([Batch(torch.from_numpy(image), torch.from_numpy(label))])
    return float(tally.confusion[1, 1] / tally.confusion[1].sum())


def test_weights_and_balanced_sampling_find_the_rare_class_of_nine_to_one() -> None:
    plain = nine_to_one("none", "")
    assert nine_to_one("inverse", "") > plain + 0.2
    assert nine_to_one("none", "balanced") > plain + 0.2


def test_balanced_sampling_shows_every_class_equally_often_and_every_picture_fairly() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2])
    order = balanced(labels, np.random.default_rng(3))
    assert len(order) == 100
    counts = np.bincount(labels[order])
    assert counts.max() - counts.min() <= 1
    assert {int(n) for n in np.bincount(order, minlength=100)[90:99]} <= {3, 4}
    assert not np.array_equal(order, balanced(labels, np.random.default_rng(4)))


class Small:
    """A network call that needs more memory than there is, for more than ``most`` pictures."""

    def __init__(self, made: Classifier, most: int) -> None:
        self.network, self.most = made.model, most

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        if len(image) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory (a test)")
        return self.network(image)


class Frugal(Small):
    """The same for measuring; counts what it refused."""

    refused = 0

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        self.refused += len(image) > self.most
        return super().__call__(image)

    def eval(self) -> None:
        self.network.eval()


@pytest.mark.parametrize("accumulation", [1, 2])
def test_too_little_memory_halves_the_batch_until_it_fits_and_changes_no_gradient(accumulation: int) -> None:
    whole, poor = learner(), learner()
    poor.model = Small(poor, 3)  # type: ignore[assignment]
    for part in range(accumulation):
        one = batch(share=1 / accumulation, last=part == accumulation - 1)
        losses = [float(made.step(one, 0.1)["loss"]) for made in (whole, poor)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert poor.pieces == 4
    for a, b in zip(whole.tuning.parameters, poor.tuning.parameters, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    assert poor.state_dict()["pieces"] == 4


def test_memory_too_small_for_one_picture_is_an_error() -> None:
    made = learner()
    made.model = Small(made, 0)  # type: ignore[assignment]
    with pytest.raises(torch.OutOfMemoryError):
        made.step(batch(), 0.1)


def test_too_little_memory_halves_the_batch_that_is_measured_and_changes_no_result() -> None:
    whole, poor = learner(), learner()
    poor.measured = Frugal(poor, 3)  # type: ignore[assignment]
    batches = [batch(), batch(7), batch(2)]
    keepers = [Keeper(["a", "b", "c"], 17) for _ in range(2)]
    tallies = [made.tally(batches, keeper) for made, keeper in zip((whole, poor), keepers, strict=True)]
    assert (poor.measured_pieces, poor.pieces, poor.measured.refused) == (4, 1, 2)  # type: ignore[union-attr]
    assert np.array_equal(tallies[0].confusion, tallies[1].confusion) and tallies[1].confusion.sum() == 17
    assert tallies[0].metrics() == pytest.approx(tallies[1].metrics(), rel=1e-5)
    poor.measured = Frugal(poor, 0)  # type: ignore[assignment]
    with pytest.raises(torch.OutOfMemoryError):
        poor.evaluate(batches)


def test_a_batch_that_was_too_large_to_learn_from_is_measured_in_as_many_pieces() -> None:
    made = learner()
    made.pieces, made.measured = 4, Frugal(made, 2)  # type: ignore[assignment]
    made.evaluate([batch()])
    assert made.measured.refused == 0 and made.measured_pieces == 4  # type: ignore[union-attr]


def test_smoothing_and_mixed_labels_are_those_of_the_definition() -> None:
    made = learner(label_smoothing=0.3)
    logits, own, other = torch.randn(8, 3), torch.arange(8) % 3, torch.arange(1, 9) % 3
    mixed = batch(partner_label_B=other, own_share=0.7)
    shares = 0.7 * torch.eye(3)[own] + 0.3 * torch.eye(3)[other]
    plain, shaped = made.loss(logits, mixed)
    log = logits.log_softmax(1)
    assert float(plain) == pytest.approx(float(-(shares * log).sum(1).mean()), rel=1e-5)
    smooth = shares * 0.7 + 0.3 / 3
    assert float(shaped) == pytest.approx(float(-(smooth * log).sum(1).mean()), rel=1e-5)
