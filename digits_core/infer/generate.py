"""Makes pictures with a generator: sheets, sweeps, paths and analogies; inside the inference process.

Legend of shapes: N pictures, Z = LATENT, K classes, O = Z + K; see digits_core.networks.dcgan for codes.
"""

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from digits_core.data.pictures import to_png
from digits_core.data.sheets import sheet
from digits_core.evaluate.generation import to_pixels
from digits_core.infer.making import MOST, MakeOptions
from digits_core.infer.predictor import Pixels, Predictor
from digits_core.networks import LATENT
from digits_core.networks.dcgan import Dcgan
from digits_core.views import Panel, Picture, Table

Json = dict[str, Any]
Codes = NDArray[np.float32]
FRAME_MS, FRAME_SIDE = 80, 160
PARALLEL = 1e-3
"""Radians: below, two directions are one."""


class Given(NamedTuple):
    """A picture that somebody gave: the network's input, and its code (O,)."""

    name: str
    pixels: Pixels
    code: Codes


def make(predictor: Predictor, pictures: Sequence[tuple[str, Pixels]], wanted: Json) -> list[Panel]:
    """Panels for {"options": those of MakeOptions, "examples": how many of the last pictures are examples of each}.

    Before the examples, which lie in the order of ``MakeOptions.examples``, are the given pictures.
    """
    options, counts = MakeOptions.model_validate(wanted["options"]), [int(count) for count in wanted["examples"]]
    found = predictor.predict([pixels for _, pixels in pictures])
    codes = [row[:predictor.model.network.outputs] for row in found]
    own = len(pictures) - sum(counts)
    given = [Given(name, pixels.round().clip(0, 255).astype(np.uint8), code)
             for (name, pixels), code in zip(pictures[:own], codes, strict=False)]
    maker = Maker(predictor, options)
    if options.method == "analogy":
        middle = own + counts[0]
        return maker.analogy(given, np.mean(codes[own:middle], 0) - np.mean(codes[middle:], 0))
    panels: list[Panel] = getattr(maker, options.method)(given)
    return panels


class Maker:
    """Makes what is asked of one model."""

    def __init__(self, predictor: Predictor, options: MakeOptions) -> None:
        self.predictor, self.options = predictor, options
        kinds = predictor.model.network.outputs - LATENT
        self.kind_RK = np.eye(kinds, dtype=np.float32)[:MOST] if kinds else np.zeros((1, 0), np.float32)
        self.names = list(predictor.model.labels[:MOST]) if kinds else []
        if options.weights:
            self.kind_RK, self.names = np.array([options.weights], np.float32) / sum(options.weights), []

    def grid(self, given: Sequence[Given]) -> list[Panel]:
        """Rows of different z; of a model with classes a row for each, again and again."""
        rows, columns = self.options.rows, self.options.columns
        kinds = self.kind_RK[np.arange(rows * columns) // columns % len(self.kind_RK)]
        codes = joined(drawn(rows * columns, self.options.seed), kinds)
        return [Picture(to_png(sheet(self.pictures(codes), columns)), self._caption("Rows"))]

    def classes(self, given: Sequence[Given]) -> list[Panel]:
        """Each row one z, that of a given picture where there are some, in every class."""
        z_NZ = np.stack([one.code[:LATENT] for one in given]) if given else drawn(self.options.rows, self.options.seed)
        kinds = np.eye(self.predictor.model.network.outputs - LATENT, dtype=np.float32)[:MOST]
        made: list[Pixels] = []
        for number, z_Z in enumerate(z_NZ):
            made += [given[number].pixels] if given else []
            made += self.pictures(joined(np.repeat(z_Z[None], len(kinds), 0), kinds))
        names = [*(["the picture"] if given else []), *self.predictor.model.labels[:MOST]]
        return [Picture(to_png(sheet(made, len(names))), f"Columns: {', '.join(names)}")]

    def path(self, given: Sequence[Given]) -> list[Panel]:
        """From one seed to another in each class, or through the codes of given pictures; a strip and a film."""
        if given:
            stops = [one.code for one in given]
            rows = [np.concatenate([between(one, two, self.options.steps) for one, two in pairwise(stops)])]
        else:
            one_1Z, two_1Z = (drawn(1, seed) for seed in (self.options.seed, self.options.to_seed))
            rows = [between(joined(one_1Z, kind_K[None])[0], joined(two_1Z, kind_K[None])[0], self.options.steps)
                    for kind_K in self.kind_RK]
        made = [self.pictures(row) for row in rows]
        strip = Picture(to_png(sheet([one for row in made for one in row], len(made[0]))),
                        "" if given else self._caption("Rows"))
        frames = [sheet(column, min(len(made), 5)) for column in zip(*made, strict=True)]
        return [strip, Picture(film(frames), "There and back")]

    def encode(self, given: Sequence[Given]) -> list[Panel]:
        """Each given picture, what the generator makes of its code, and the codes."""
        made = [pixels for one in given for pixels in (one.pixels, *self.pictures(one.code[None]))]
        rows = [[number + 1, *(round(float(one.code[number]), 4) for one in given)] for number in range(LATENT)]
        columns = 2 * max(1, min(len(given), 5))
        return [Picture(to_png(sheet(made, columns)), "Each picture, and what comes back"),
                Table(("z", *(one.name for one in given)), rows)]

    def analogy(self, given: Sequence[Given], change_O: Codes) -> list[Panel]:
        """Each given picture, and what it becomes step by step when ``change_O`` is added to its code."""
        options, made = self.options, list[Pixels]()
        shares = np.linspace(0, options.strength, options.steps, dtype=np.float32)
        for one in given:
            made += [one.pixels, *self.pictures(np.stack([weighed(one.code + share * change_O) for share in shares]))]
        words = f"The picture, then with {options.plus} minus {options.minus} added, 0 to {options.strength:g} times"
        return [Picture(to_png(sheet(made, options.steps + 1)), words)]

    def _caption(self, what: str) -> str:
        return f"{what}: {', '.join(self.names)}" if self.names else ""

    @torch.inference_mode()
    def pictures(self, codes_NO: Codes) -> list[Pixels]:
        """Pictures (C, H, W) of codes, made in batches of the predictor's size so that numbers are always the same."""
        size, found, network = self.predictor.batch_size, list[Pixels](), cast(Dcgan, self.predictor.network)
        for at in range(0, len(codes_NO), size):
            part = codes_NO[at:at + size]
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), 0)])
            code_BO = torch.from_numpy(filled).to(self.predictor.device)
            found += list(to_pixels(network.generate(code_BO))[:len(part)])
        return found


def drawn(count: int, seed: int) -> Codes:
    """``count`` random z (N, Z); the first ones are the same whatever ``count`` is."""
    return np.random.default_rng(seed).standard_normal((count, LATENT), np.float32)


def joined(z_NZ: Codes, kind_NK: Codes) -> Codes:
    """Codes (N, O)."""
    return np.concatenate([z_NZ, kind_NK], 1).astype(np.float32)


def weighed(code_O: Codes) -> Codes:
    """The code with class weights that are not negative and sum to 1."""
    kind_K = np.maximum(code_O[LATENT:], 0)
    return np.concatenate([code_O[:LATENT], kind_K / max(1e-6, float(kind_K.sum()))]).astype(np.float32)


def between(one_O: Codes, two_O: Codes, steps: int) -> Codes:
    """Codes (steps, O) from one to the other: z along a great circle, class weights along a line.

    Great circles, because z lie on a shell around 0. Source: White 2016, https://arxiv.org/abs/1609.04468.
    """
    one_Z, two_Z = one_O[:LATENT].astype(np.float64), two_O[:LATENT].astype(np.float64)
    lengths = [max(1e-12, float(np.linalg.norm(z_Z))) for z_Z in (one_Z, two_Z)]
    angle = float(np.arccos(np.clip(one_Z @ two_Z / lengths[0] / lengths[1], -1, 1)))
    found = []
    for share in np.linspace(0, 1, steps):
        parts = (1 - share, share) if angle < PARALLEL or angle > np.pi - PARALLEL else (
            np.sin((1 - share) * angle) / np.sin(angle), np.sin(share * angle) / np.sin(angle))
        z_Z = parts[0] * one_Z + parts[1] * two_Z
        found.append(np.concatenate([z_Z, (1 - share) * one_O[LATENT:] + share * two_O[LATENT:]]))
    return np.array(found, np.float32)


def film(frames: Sequence[Pixels]) -> bytes:
    """An animated GIF of pictures (C, H, W), there and back again, small ones enlarged."""
    times = max(1, -(-FRAME_SIDE // min(frames[0].shape[1:])))
    images = [Image.fromarray(np.ascontiguousarray(frame[0] if len(frame) == 1 else frame.transpose(1, 2, 0)))
              for frame in [*frames, *frames[-2:0:-1]]]
    images = [image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST) for image in images]
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=FRAME_MS, loop=0)
    return buffer.getvalue()
