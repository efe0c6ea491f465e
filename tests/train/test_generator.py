"""The learner of generators: three networks that learn apart, resumed to the bit, with samples on the way."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from digits_core import files
from digits_core.errors import InvalidOptions
from digits_core.jobs.context import Stopped
from digits_core.jobs.store import JobStore
from digits_core.networks import LATENT
from digits_core.networks.build import build_network
from digits_core.options import check
from digits_core.tasks.generation import ModelOptions
from digits_core.train.batch import Batch
from digits_core.train.generator import LOSSES, GeneratorLearner
from digits_core.train.hardware import Hardware
from digits_core.train.journal import Diverged
from digits_core.train.run import run
from tests.train import drawn, generators
from tests.train.drawn import Recorder

CPU = Hardware(torch.device("cpu"))


def learner(kinds: int = 3, **options: Any) -> GeneratorLearner:
    torch.manual_seed(0)
    chosen = ModelOptions(network="dcgan_tiny", conditional=kinds > 0, **options)
    return GeneratorLearner(build_network("dcgan_tiny", (1, 16, 16), LATENT + kinds), LATENT + kinds, chosen, CPU)


def batch(size: int = 6, **words: Any) -> Batch:
    chance = torch.Generator().manual_seed(1)
    return Batch(torch.rand((size, 1, 16, 16), generator=chance) * 2 - 1, torch.arange(size) % 3, **words)


def test_its_one_solver_does_what_three_would_do() -> None:
    made, other = learner(discriminator_rate=0.5, real_pictures=0), learner()
    network = other.parts
    parts = (network.generator, network.discriminator, network.encoder)
    solvers = [torch.optim.Adam(part.parameters(), 0.001 * factor, betas=(0.5, 0.999))
               for part, factor in zip(parts, (1, 0.5, 1), strict=True)]
    for seed in (3, 4):
        made.step(batch(seed=seed), 0.001)
        CPU.seed(seed)
        real, kind = batch().image_BCHW, functional.one_hot(batch().target, 3).float()
        code = torch.cat([torch.randn(6, LATENT), kind], 1)
        fake = network.generate(code)
        bce, one = functional.binary_cross_entropy_with_logits, torch.ones(6)
        wrong = bce(network.judge(real, kind), 0.9 * one) + bce(network.judge(fake.detach(), kind), 0 * one)
        fooled = bce(network.judge(fake, kind), one)
        found = network.encode(fake.detach())
        coded = functional.mse_loss(found[:, :LATENT], code[:, :LATENT]) + functional.cross_entropy(
            found[:, LATENT:], batch().target)
        gradients = [torch.autograd.grad(loss, list(part.parameters()), retain_graph=True)
                     for part, loss in zip(parts, (fooled, wrong, coded), strict=True)]
        for part, solver, gradient in zip(parts, solvers, gradients, strict=True):
            for parameter, own in zip(part.parameters(), gradient, strict=True):
                parameter.grad = own
            solver.step()
    mine, theirs = made.weights(), other.weights()
    assert all(torch.allclose(mine[name], theirs[name], rtol=1e-3, atol=1e-5) for name in mine)


def test_real_pictures_teach_the_encoder_alone() -> None:
    without, made = learner(real_pictures=0), learner(real_pictures=100)
    for one in (without, made):
        one.step(batch(seed=1), 0.001)
    mine, theirs = made.weights(), without.weights()
    changed = {name.partition(".")[0] for name in mine if not torch.equal(mine[name], theirs[name])}
    assert changed == {"encoder"}
    assert all(module.training for module in made.network.modules())


def test_it_tells_three_losses_and_measures_without_a_loss() -> None:
    made = learner()
    told = made.step(batch(seed=1), 0.001)
    assert tuple(told) == LOSSES and all(value.shape == () for value in told.values())
    found = made.evaluate([batch(), batch(2)])
    assert set(found) == {"likeness", "psnr", "frechet_distance", "chi_square_distance", "accuracy"}
    assert found == made.evaluate([batch(), batch(2)])
    assert "accuracy" not in learner(0).evaluate([batch()])


def test_measuring_and_showing_change_nothing() -> None:
    made = learner(ema=0.9)
    made.step(batch(), 0.001)
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    made.evaluate([batch()])
    sheet = made.samples()
    after = made.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert sheet.shape == (1, 3 * 17 + 1, 10 * 17 + 1) and np.array_equal(sheet, made.samples())
    assert learner(0).samples().shape == (1, 171, 171)


def test_a_state_makes_another_go_on_with_the_same_bits() -> None:
    one, other = learner(ema=0.9), learner(ema=0.9)
    one.step(batch(seed=1), 0.001)
    one.step(batch(seed=2, share=0.5, last=False), 0.001)
    other.load_state_dict({name: tensor.clone() for name, tensor in one.state_dict().items()})
    for made in (one, other):
        made.step(batch(seed=3, share=0.5), 0.001)
    mine, theirs = one.state_dict(), other.state_dict()
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_batch_in_pieces_learns_with_every_part() -> None:
    made = learner()
    made.pieces = 2
    told = made.step(batch(seed=1), 0.001)
    assert all(torch.isfinite(value) for value in told.values())


def test_mixed_precision_learns_too() -> None:
    network = build_network("dcgan_tiny", (1, 16, 16), LATENT)
    half = Hardware(torch.device("cpu"), 0, torch.bfloat16)
    made = GeneratorLearner(network, LATENT, ModelOptions(conditional=False), half)
    assert all(torch.isfinite(value) for value in made.step(batch(), 0.001).values())


def test_a_run_stopped_in_between_ends_with_the_same_bits_rows_and_samples(store: JobStore) -> None:
    data, options = drawn.dataset(store, (1, 16, 16), train=20, val=6), {"ema": 0.9, "val_interval": 0.5}
    whole = generators.asked(store, data, **options)
    context = Recorder(store, whole.id)
    run(context)
    expected = [drawn.fingerprint(whole), drawn.rows(whole), shown(whole)]
    assert len(expected[2]) == 4  # two measurements an epoch
    for moment in range(3, context.checks - 2, 4):
        view = generators.asked(store, data, **options)
        with pytest.raises(Stopped):
            run(Recorder(store, view.id, moment))
        run(Recorder(store, view.id))
        assert [drawn.fingerprint(view), drawn.rows(view), shown(view)] == expected


def shown(view: Any) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(view.folder.samples.iterdir())]


def test_a_training_leaves_readable_samples_and_all_its_losses(store: JobStore) -> None:
    view = generators.trained(store)
    with Image.open(io.BytesIO(shown(view)[-1][1])) as image:
        assert (image.mode, image.size) == ("L", (171, 52))
    rows = drawn.rows(view)
    assert all({f"train/{name}" for name in LOSSES} <= row.keys() for row in rows if "train/loss" in row)
    described = files.read_json(view.folder.path / "network.json")
    assert (described["outputs"], described["classes"]) == (LATENT + 3, 3)
    steps = files.read_json(view.folder.path / "preprocessing.json")
    assert (steps["mean"], steps["mean_pixel"], steps["std_pixel"]) == ("pixel", [127.5], [127.5])


def test_a_loss_that_is_no_number_is_named(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    view = generators.asked(store, drawn.dataset(store, (1, 16, 16), train=20, val=6))
    monkeypatch.setattr("digits_core.train.generator.said", lambda logits_B, wanted: (
        logits_B * (float("nan") if wanted == 0.0 else 1.0)).mean())
    with pytest.raises(Diverged, match="The discriminator loss became NaN at epoch"):
        run(Recorder(store, view.id))


@pytest.mark.parametrize(("field", "value"), [("trainable_stages", 2), ("backbone_rate", 0.5), ("gpu_count", 2),
                                              ("gpu_list", [0, 1]), ("mean", "image"), ("network", "lenet")])
def test_what_makes_no_sense_is_refused_at_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidOptions) as found:
        check(ModelOptions, {field: value})
    assert list(found.value.by_field()) == [field]


def test_the_discriminator_learns_again_after_each_step() -> None:
    made = learner()
    made.step(batch(), 0.001)
    assert all(parameter.requires_grad for parameter in made.network.parameters())
