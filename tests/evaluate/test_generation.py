"""How like real pictures made ones are: what the figures say about clouds that are known."""

import numpy as np
import pytest
import torch

from digits_core.evaluate.generation import Cloud, Eye, Tally, chi_square, distance, to_pixels

CPU = torch.device("cpu")


def cloud(shift: float = 0.0, spread: float = 1.0, count: int = 4000, seed: int = 0) -> Cloud:
    made = Cloud()
    for part in np.split(np.random.default_rng(seed).standard_normal((count, 64)) * spread + shift, 4):
        made.add(part)
    return made


def bars(count: int, seed: int, tall: bool = True) -> torch.Tensor:
    """Pictures (N, 1, 16, 16) of a bright bar, upright or lying, somewhere."""
    chance = np.random.default_rng(seed)
    found = torch.full((count, 1, 16, 16), -0.8) + torch.from_numpy(chance.normal(0, 0.05, (count, 1, 16, 16))).float()
    for picture, place in zip(found, chance.integers(2, 12, count), strict=True):
        (picture if tall else picture.transpose(1, 2))[0, :, place:place + 3] = 0.9
    return found.clamp(-1, 1)


def test_a_cloud_is_at_no_distance_from_itself_and_about_one_from_one_a_spread_away() -> None:
    assert distance(cloud(), cloud()) == pytest.approx(0, abs=1e-5)
    assert distance(cloud(), cloud(1.0)) == pytest.approx(1, abs=0.05)
    assert distance(cloud(spread=10), cloud(10.0, 10)) == pytest.approx(1, abs=0.05)
    assert distance(cloud(), cloud(spread=3)) == pytest.approx(2, abs=0.1)
    assert distance(cloud(), cloud(seed=1)) < 0.15


def test_features_are_the_same_everywhere_and_tell_pictures_apart() -> None:
    pictures = bars(5, 0)
    assert np.array_equal(Eye(1, CPU)(pictures), Eye(1, CPU)(pictures))
    assert Eye(3, CPU)(torch.zeros(2, 3, 28, 28)).shape == (2, 64)


def measured(made: torch.Tensor) -> dict[str, float]:
    tally = Tally(1, CPU)
    for real, own in zip(bars(200, 1).split(40), made.split(40), strict=True):
        tally.add(real, own, real * 0.9)
    return tally.metrics()


def test_pictures_of_the_same_sort_are_more_like_them_than_others_noise_or_always_the_same_one() -> None:
    noise = torch.rand((200, 1, 16, 16), generator=torch.Generator().manual_seed(0)) * 2 - 1
    same, lying, noise, one = map(measured, (bars(200, 2), bars(200, 2, False), noise, bars(1, 2).repeat(200, 1, 1, 1)))
    assert same["likeness"] > 0.1 + max(other["likeness"] for other in (lying, noise, one))
    assert same["chi_square_distance"] < 0.05 < noise["chi_square_distance"]


def test_the_report_has_the_distance_between_real_ones_and_the_worst_reconstructions() -> None:
    tally = Tally(1, CPU)
    real = bars(61, 1)
    back = real.clone()
    back[7] = 0
    tally.add(real, bars(61, 2), back)
    tally.add_kinds(3, 4)
    report = tally.report(["a", "b"])
    assert report["frechet_distance_real"] < 1 and report["entries"] == 61 and report["accuracy"] == 0.75
    assert report["pictures"][0][0] == 7 and report["pictures"][0][1] < 10 < report["pictures"][1][1]
    assert report["psnr"] > 90


def test_weights_that_are_no_numbers_do_not_end_the_measuring() -> None:
    assert np.isfinite(list(measured(torch.full((200, 1, 16, 16), float("nan"))).values())).all()


def test_histograms_and_pixels() -> None:
    one, other = np.array([1.0, 0.0]), np.array([0.0, 5.0])
    assert (chi_square(one, one * 7), chi_square(one, other), chi_square(one * 0, one)) == (0, 1, 0.5)
    assert to_pixels(torch.tensor([[[[-1.0, 0.0, 1.0, 2.0]]]])).tolist() == [[[[0, 128, 255, 255]]]]
