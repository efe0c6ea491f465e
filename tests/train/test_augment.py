"""Augmentation: reproducible, right to the pixel, and what the preview shows is what training gets."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from digits_core.errors import BadData
from digits_core.infer.augmentation import preview, sixteen
from digits_core.jobs.store import JobStore
from digits_core.train.augment import Transform
from digits_core.train.colours import change_contrast, shift_hsv
from digits_core.train.dataset import Dataset, Preprocessing
from digits_core.train.geometry import rotated, turned
from digits_core.train.mixing import mixed
from digits_core.train.options import ClassifierOptions
from tests.train import drawn

CPU = torch.device("cpu")
NONE = torch.zeros(64)
ALL = {"flip": "both", "turns": "rotall", "rotation": 25, "rescale": 0.1, "noise": 0.05, "contrast": 0.5, "hsv": True}
ONE = [{"flip": "ud"}, {"turns": "rot90"}, {"rotation": 30}, {"rescale": 0.2}, {"noise": 0.1}, {"contrast": 0.8},
       {"hsv": True}, {"crop": 9}, ALL, {**ALL, "crop": 9}]


def pictures(count: int = 16, side: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, 3, side, side), np.uint8))


def transform(store: JobStore, mean: str = "image", shape: tuple[int, int, int] = (3, 12, 12),
              **options: object) -> Transform:
    data = Dataset.read(drawn.dataset(store, shape=shape).folder)
    chosen = ClassifierOptions(mean=mean, **options)
    return Transform(Preprocessing.of(data, chosen), chosen, CPU)


@pytest.mark.parametrize("options", ONE, ids=lambda options: "+".join(options))
def test_the_seed_alone_decides(store: JobStore, options: dict) -> None:
    made = transform(store, **options)
    first = made.random(pictures(), NONE, 3)[0]
    assert torch.equal(first, made.random(pictures(), NONE, 3)[0])
    assert not torch.equal(first, made.random(pictures(), NONE, 4)[0])
    assert first.isfinite().all()


@pytest.mark.parametrize("mean", ["none", "pixel", "image"])
@pytest.mark.parametrize("options", ONE, ids=lambda options: "+".join(options))
def test_what_people_see_is_what_the_network_gets(store: JobStore, options: dict, mean: str) -> None:
    made = transform(store, mean, **options)
    seen, given = made.pixels(pictures(), NONE, 3)[0].float(), made.random(pictures(), NONE, 3)[0]
    if mean != "image":
        assert torch.equal((seen - made.subtract_CHW) / made.divide_C11, given)
    else:  # the mean image went the same way as the picture, so what was subtracted is another for each
        flat = seen - given * made.divide_C11
        assert flat.min() >= made.subtract_CHW.min() - 0.01
        assert flat.max() <= made.subtract_CHW.max() + 0.01


def test_the_preview_shows_the_pixels_of_a_training_batch(store: JobStore) -> None:
    data = drawn.dataset(store, shape=(3, 12, 12))
    options = ClassifierOptions(mean="pixel", crop=10, **ALL)
    shown = sixteen(Dataset.read(data.folder), options, 5)
    known = Dataset.read(data.folder)
    places = [int(p) for p in np.random.default_rng(5).choice(40, 4, False) for _ in range(4)]
    batch = torch.from_numpy(known.records("train").batch(places)[0])
    made = Transform(Preprocessing.of(known, options), options, CPU)
    trained = made.random(batch, NONE, 5)[0] * made.divide_C11 + made.subtract_CHW
    assert (torch.from_numpy(shown).float() - trained).abs().max() <= 0.51
    pngs = preview(store.root, data.id, options.model_dump(mode="json"), 5)
    first = np.asarray(Image.open(io.BytesIO(base64.b64decode(pngs[0])))).transpose(2, 0, 1)
    assert np.array_equal(first, shown[0])
    assert len(pngs) == 16


def test_quarter_turns_and_flips_are_those_of_numpy() -> None:
    image = pictures(4)
    found = turned(image, torch.tensor([0, 1, 2, 3]), None, None)
    for k in range(4):
        assert np.array_equal(found[k].numpy(), np.rot90(image[k].numpy(), k, (1, 2)))
    yes = torch.ones(4, dtype=torch.bool)
    assert torch.equal(turned(image, None, yes, None), image.flip(3))
    assert torch.equal(turned(image, None, None, yes), image.flip(2))
    assert torch.equal(turned(image, torch.full((4,), 2), yes, yes), image)


@pytest.mark.parametrize(("choice", "angles"), [("rot90", {0, 1, 3}), ("rot180", {0, 2}), ("rotall", {0, 1, 2, 3})])
def test_every_quarter_turn_of_the_choice_comes_up_and_no_other(store: JobStore, choice: str, angles: set) -> None:
    image = pictures(1).expand(200, -1, -1, -1)
    found = transform(store, turns=choice).pixels(image, NONE, 1)[0]
    turns = [torch.rot90(image[0], k, (1, 2)) for k in range(4)]
    numbers = [next(k for k in range(4) if torch.equal(picture, turns[k])) for picture in found]
    assert set(numbers) == angles
    assert min(numbers.count(k) for k in angles) > 200 / len(angles) * 0.6


def test_a_rotation_by_90_degrees_is_a_quarter_turn_and_long_pictures_keep_their_proportions() -> None:
    image = pictures(1).float()
    one, none, black = torch.ones(1), torch.zeros(2, 1), torch.zeros(3, 1, 1)
    found = rotated(image, torch.tensor([90.0]), one, none, black)[0]
    assert min((found - torch.rot90(image[0], k, (1, 2))).abs().max() for k in (1, 3)) < 0.1
    assert torch.allclose(rotated(image, torch.zeros(1), one, none, black), image, atol=0.01)
    bar = torch.zeros(1, 1, 21, 41)
    bar[..., 10, 10:31] = 1  # 21 long, lying; standing it is 21 tall
    assert rotated(bar, torch.tensor([90.0]), one, none, black[:1])[0, 0, :, 20].sum() == pytest.approx(21, abs=1)


def test_zoom_makes_larger_and_opened_corners_have_the_fill() -> None:
    image = torch.full((1, 3, 12, 12), 200.0)
    fill = torch.tensor([10.0, 20.0, 30.0]).view(-1, 1, 1)
    small = rotated(image, torch.zeros(1), torch.tensor([0.5]), torch.zeros(2, 1), fill)
    assert small[0, :, 0, 0].tolist() == pytest.approx([10, 20, 30])
    assert small[0, 0, 6, 6] == pytest.approx(200)
    assert torch.equal(rotated(image, torch.zeros(1), torch.tensor([2.0]), torch.zeros(2, 1), fill), image)


def test_colours_turn_round_and_contrast_is_about_the_mean() -> None:
    image = pictures(4).float() / 255
    zero = torch.zeros(4)
    assert torch.allclose(shift_hsv(image, zero, zero, zero), image, atol=1e-5)
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    green = shift_hsv(red, torch.tensor([1 / 3]), zero[:1], zero[:1])
    assert green.flatten().tolist() == pytest.approx([0, 1, 0], abs=1e-5)
    assert shift_hsv(red, zero[:1], zero[:1] - 1, zero[:1]).flatten().tolist() == pytest.approx([1, 1, 1])
    flat = change_contrast(image, zero)
    assert torch.allclose(flat, image.mean((2, 3), keepdim=True).expand_as(flat))


def test_colour_changes_stay_within_0_to_255(store: JobStore) -> None:
    made = transform(store, noise=1.0, contrast=5.0, hsv=True, hsv_value=1.0)
    assert 0 <= made.pixels(pictures(), NONE, 1)[0].min() <= made.pixels(pictures(), NONE, 1)[0].max() <= 255


def test_noise_has_the_deviation_that_was_asked_for(store: JobStore) -> None:
    grey = torch.full((50, 3, 12, 12), 128, dtype=torch.uint8)
    found = transform(store, noise=0.05).pixels(grey, NONE, 2)[0]
    assert float((found - 128).std()) / 255 == pytest.approx(0.05, rel=0.05)


def test_options_that_do_not_suit_the_pictures_are_named(store: JobStore) -> None:
    with pytest.raises(BadData, match="needs colour pictures"):
        transform(store, shape=(1, 12, 12), hsv=True)
    with pytest.raises(BadData, match="need square pictures; these are 14 x 12"):
        transform(store, shape=(3, 12, 14), turns="rotall")
    transform(store, shape=(3, 12, 14), turns="rotall", crop=8)
    transform(store, shape=(3, 12, 14), turns="rot180").pixels(pictures(4)[:, :, :12, :], NONE, 1)


def test_mixup_blends_and_cutmix_pastes_by_area() -> None:
    image = pictures().float()
    pair = mixed(image, ClassifierOptions(mixup=0.5), 3)
    assert pair is not None
    assert torch.allclose(pair.image_BCHW, image * pair.share + image[pair.partner_B] * (1 - pair.share), atol=1e-3)
    for seed in range(5):
        pair = mixed(image, ClassifierOptions(cutmix=1.0), seed)
        assert pair is not None
        pasted = (pair.image_BCHW != image).any(1)[pair.partner_B != torch.arange(16)]
        assert float(pasted.float().mean()) == pytest.approx(1 - pair.share, abs=0.02)
    assert mixed(image, ClassifierOptions(), 3) is None


def test_jobs_of_before_keep_their_flip() -> None:
    assert [ClassifierOptions(flip=old).flip for old in (True, False)] == ["lr", "none"]
