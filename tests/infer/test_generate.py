"""What a generator makes: always the same for a seed, along great circles, and step by step."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from digits_core.infer.generate import between, drawn, film, make
from digits_core.infer.making import MakeOptions
from digits_core.networks import LATENT
from digits_core.networks.build import build_network
from digits_core.views import Picture

SIDE = 16


def predictor(kinds: int = 3) -> Any:
    torch.manual_seed(0)
    network = build_network("dcgan_tiny", (1, SIDE, SIDE), LATENT + kinds).eval()
    model = SimpleNamespace(labels=("a", "b", "c"), network=SimpleNamespace(outputs=LATENT + kinds))

    @torch.inference_mode()
    def predict(pictures: list[np.ndarray]) -> list[np.ndarray]:
        return [network(torch.from_numpy(picture[None]) / 127.5 - 1)[0].numpy() for picture in pictures]

    return SimpleNamespace(network=network, model=model, device=torch.device("cpu"), batch_size=1, predict=predict)


def asked(kinds: int = 3, given: int = 0, examples: tuple[int, ...] = (), **options: Any) -> list[Picture]:
    chance = np.random.default_rng(1)
    pictures = [(f"{n}.png", chance.integers(0, 255, (1, SIDE, SIDE), np.uint8)) for n in range(given + sum(examples))]
    return make(predictor(kinds), pictures, {"options": MakeOptions(**options).model_dump(),
                                             "examples": list(examples)})


def size(panel: Picture) -> tuple[int, int]:
    """Columns and rows of a sheet."""
    with Image.open(io.BytesIO(panel.png)) as image:
        return (image.width - 1) // (SIDE + 1), (image.height - 1) // (SIDE + 1)


@pytest.mark.parametrize(("asked_for", "sheet"), [
    ({"rows": 4, "columns": 5}, (5, 4)), ({"kinds": 0, "rows": 2, "columns": 3}, (3, 2)),
    ({"method": "classes", "rows": 2}, (3, 2)), ({"method": "classes", "given": 2}, (4, 2)),
    ({"method": "path", "steps": 6}, (6, 3)), ({"method": "path", "steps": 6, "kinds": 0}, (6, 1)),
    ({"method": "path", "steps": 4, "weights": [0, 1, 1]}, (4, 1)),
    ({"method": "path", "steps": 3, "given": 3}, (6, 1)),
    ({"method": "encode", "given": 3}, (6, 1)), ({"method": "encode", "given": 7}, (10, 2)),
    ({"method": "analogy", "given": 2, "examples": (3, 2), "plus": "a", "minus": "b", "steps": 4}, (5, 2))])
def test_sheets_have_their_rows_and_columns_and_are_always_the_same(asked_for: dict[str, Any],
                                                                    sheet: tuple[int, int]) -> None:
    first, again = asked(**asked_for), asked(**asked_for)
    assert size(first[0]) == sheet
    assert first == again


def test_another_seed_makes_other_pictures_and_more_rows_the_same_first_ones() -> None:
    assert asked(seed=1)[0].png != asked(seed=2)[0].png
    assert np.array_equal(drawn(3, 5), drawn(7, 5)[:3])


def test_a_path_has_a_film_there_and_back() -> None:
    _, panel = asked(method="path", steps=5)
    with Image.open(io.BytesIO(panel.png)) as image:
        assert (image.format, image.n_frames) == ("GIF", 8)
        assert min(image.size) >= 160
    assert film([np.zeros((3, 4, 4), np.uint8), np.full((3, 4, 4), 255, np.uint8)])[:3] == b"GIF"


def test_a_path_keeps_to_the_shell_on_which_z_lie() -> None:
    one, two = (np.concatenate([row, kind]).astype(np.float32) for row, kind in
                zip(drawn(2, 0), ([1.0, 0.0], [0.0, 1.0]), strict=True))
    found = between(one, two, 5)
    assert np.allclose(found[0], one, atol=1e-5) and np.allclose(found[-1], two, atol=1e-5)
    lengths = np.linalg.norm(found[:, :LATENT], axis=1)
    assert lengths.min() > 0.97 * min(lengths[0], lengths[-1])
    assert np.allclose(found[:, LATENT:].sum(1), 1) and np.allclose(found[2, LATENT:], 0.5)
    assert np.allclose(between(one, one, 3), one)
    assert np.isfinite(between(one, -one, 3)).all()


def test_an_analogy_without_strength_changes_nothing() -> None:
    panel, = asked(method="analogy", given=1, examples=(2, 2), plus="a", minus="c", steps=2, strength=0)
    with Image.open(io.BytesIO(panel.png)) as image:
        pixels = np.asarray(image)[1:-1]
    assert np.array_equal(pixels[:, 18:34], pixels[:, 35:51])


@pytest.mark.parametrize(("kinds", "given", "options", "field"), [
    (0, 0, {"method": "classes"}, "method"), (3, 0, {"weights": [1]}, "weights"), (0, 0, {"weights": [1]}, "weights"),
    (3, 0, {"weights": [0, 0, 0]}, "weights"), (3, 0, {"weights": [1, -1, 0]}, "weights"),
    (3, 1, {"method": "path"}, "images"), (3, 1, {"method": "analogy", "plus": "a"}, "minus"),
    (3, 0, {"method": "analogy", "plus": "a", "minus": "b"}, "images"),
    (0, 0, {"method": "encode"}, "images"), (3, 0, {}, "")])
def test_what_does_not_fit_the_model_is_told_at_its_field(kinds: int, given: int, options: dict[str, Any],
                                                          field: str) -> None:
    found = MakeOptions(**options).fitting(("a", "b", "c"), LATENT + kinds, given)
    assert [problem.field for problem in found] == ([field] if field else [])
