"""Change training pictures by chance and normalise them, whole batches on the device; no loop over pictures.

Order: colours, then rotation and scale, crop, quarter turns and flips. A mean image goes the same way as the picture,
and so does the target where it has a place in the picture.
"""

from pkgutil import resolve_name

import torch
from torch import Tensor

from digits_core.errors import BadData
from digits_core.tasks import Task
from digits_core.train.augment_options import AugmentOptions
from digits_core.train.colours import add_noise, change_contrast, shift_hsv
from digits_core.train.dataset import Preprocessing
from digits_core.train.geometry import rotated, turned, windows
from digits_core.train.moves import Moves, Still, corners

TURNS = {"rot90": (0, 1, 3), "rot180": (0, 2), "rotall": (0, 1, 2, 3)}
SMALLEST, LARGEST = 0.5, 2.0
"""Zoom factors stay between these, however large the deviation."""


def moves(task: Task) -> Moves:
    """How a task's targets go with their pictures."""
    made: Moves = resolve_name(task.moves)()
    return made


class Transform:
    """From uint8 pixels (B, C, H, W) to the network's input, float32, in the device's memory format; targets with them.

    Raises BadData when the options do not suit the pictures (colours of grey ones, quarter turns of long ones).
    """

    def __init__(self, preprocessing: Preprocessing, options: AugmentOptions, device: torch.device,
                 moves: Moves | None = None) -> None:
        self.crop, self.options, self.device, self.moves = preprocessing.crop, options, device, moves or Still()
        self.measured_crop = preprocessing.measured_crop
        self.subtract_CHW = torch.from_numpy(preprocessing.subtract()).to(device)
        self.divide_C11 = torch.from_numpy(preprocessing.divide()).to(device)
        self.fill_C11 = torch.tensor(preprocessing.dataset.mean_pixel, device=device).view(-1, 1, 1)
        channels, height, width = preprocessing.input_shape
        if options.hsv and channels != 3:
            raise BadData("Shifting colours (HSV) needs colour pictures; this dataset is grey. Switch it off.")
        if options.turns in ("rot90", "rotall") and height != width and self.crop is None:
            raise BadData(f"Quarter turns by 90 degrees need square pictures; these are {width} x {height}. Choose a "
                          "crop size, or 0 and 180 degrees.")

    def plain(self, pixels_BCHW: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Centre crop and normalisation: what validation and inference see."""
        crop = self.measured_crop
        if crop is None:
            return self._normalised(pixels_BCHW, self.subtract_CHW), target
        top, left = ((side - crop) // 2 for side in pixels_BCHW.shape[2:])
        window = (..., slice(top, top + crop), slice(left, left + crop))
        subtract = self.subtract_CHW if self.subtract_CHW.shape[-1] == 1 else self.subtract_CHW[window]
        return self._normalised(pixels_BCHW[window], subtract), self.moves.windows(
            target, *corners(len(target), top, left, self.device), crop)

    def random(self, pixels_BCHW: Tensor, target: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """The network's input for training; ``seed`` decides everything that is left to chance."""
        chance = Chance(len(pixels_BCHW), seed, self.device)
        image, subtract, target = self._framed(pixels_BCHW, target, chance)
        return self._turned(self._normalised(image, subtract), target, chance)

    def pixels(self, pixels_BCHW: Tensor, target: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """The same pictures as ``random`` gives, before normalisation: 0..255, for people to look at."""
        chance = Chance(len(pixels_BCHW), seed, self.device)
        image, _, target = self._framed(pixels_BCHW, target, chance)
        return self._turned(image, target, chance)

    def _framed(self, image: Tensor, target: Tensor, chance: "Chance") -> tuple[Tensor, Tensor, Tensor]:
        """Pictures 0..255 with changed colours, rotated and cropped, what is to be subtracted, and the targets."""
        image, subtract, options = self._coloured(image, chance), self.subtract_CHW, self.options
        if options.rotation or options.rescale:
            constant, image = subtract.shape[-1] == 1, image.float()
            how = ((chance.even("angle") * 2 - 1) * options.rotation,
                   (1 + chance.normal("scale") * options.rescale).clamp_(SMALLEST, LARGEST),
                   torch.stack([chance.even("x"), chance.even("y")]) * 2 - 1)
            both = rotated(image if constant else torch.cat([image, _for_each(subtract, image)], 1), *how,
                           self.fill_C11 if constant else torch.cat([self.fill_C11] * 2))
            target = self.moves.rotated(target, *how, size=(image.shape[2], image.shape[3]))
            image, subtract = (both, subtract) if constant else both.chunk(2, 1)
        if self.crop is not None:
            top_B, left_B = (self._offsets(chance.even(name), side)
                             for name, side in zip(("top", "left"), image.shape[2:], strict=True))
            if subtract.shape[-1] > 1:
                subtract = windows(_for_each(subtract, image), top_B, left_B, self.crop)
            image = windows(image, top_B, left_B, self.crop)
            target = self.moves.windows(target, top_B, left_B, self.crop)
        return image, subtract, target

    def _coloured(self, image: Tensor, chance: "Chance") -> Tensor:
        options = self.options
        if not (options.hsv or options.noise or options.contrast):
            return image
        image = image.float() / 255
        if options.hsv:
            image = shift_hsv(image, *(chance.normal(name) * deviation for name, deviation in (
                ("hue", options.hsv_hue), ("saturation", options.hsv_saturation), ("value", options.hsv_value))))
        if options.contrast:
            low, high = max(0.0, 1 - options.contrast), 1 + options.contrast
            image = change_contrast(image, low + (high - low) * chance.even("contrast"))
        if options.noise:
            image = add_noise(image, options.noise, chance.seed)
        return image.clamp(0, 1) * 255

    def _turned(self, image: Tensor, target: Tensor, chance: "Chance") -> tuple[Tensor, Tensor]:
        flip, quarters = self.options.flip, None
        if turns := TURNS.get(self.options.turns):
            choice_B = (chance.even("turn") * len(turns)).long().clamp_(max=len(turns) - 1)
            quarters = torch.tensor(turns, device=self.device)[choice_B]
        how = (quarters, chance.even("mirror") < 0.5 if flip in ("lr", "both") else None,
               chance.even("upside") < 0.5 if flip in ("ud", "both") else None)
        return turned(image, *how), self.moves.turned(target, *how, size=(image.shape[2], image.shape[3]))

    def _offsets(self, numbers_B: Tensor, side: int) -> Tensor:
        assert self.crop is not None
        places = side - self.crop + 1
        return (numbers_B * places).long().clamp_(max=places - 1)

    def _normalised(self, pixels_BCHW: Tensor, subtract: Tensor) -> Tensor:
        image = torch.sub(pixels_BCHW, subtract).div_(self.divide_C11)
        return image.contiguous(memory_format=torch.channels_last)


class Chance:
    """The random numbers of a batch: one of each name for every picture.

    They are drawn on the CPU whatever the device, so the same seed gives the same pictures everywhere.
    """

    EVEN = ("top", "left", "mirror", "upside", "turn", "angle", "x", "y", "contrast")
    NORMAL = ("scale", "hue", "saturation", "value")

    def __init__(self, count: int, seed: int, device: torch.device) -> None:
        self.count, self.seed, self.device = count, seed, device
        self._drawn: tuple[Tensor, Tensor] | None = None

    def even(self, name: str) -> Tensor:
        """Numbers from 0 to 1."""
        return self._numbers()[0][self.EVEN.index(name)]

    def normal(self, name: str) -> Tensor:
        """Numbers around 0 with deviation 1."""
        return self._numbers()[1][self.NORMAL.index(name)]

    def _numbers(self) -> tuple[Tensor, Tensor]:
        if self._drawn is None:
            generator = torch.Generator().manual_seed(self.seed)
            self._drawn = (
                torch.rand((len(self.EVEN), self.count), generator=generator).to(self.device, non_blocking=True),
                torch.randn((len(self.NORMAL), self.count), generator=generator).to(self.device, non_blocking=True))
        return self._drawn


def _for_each(mean_CHW: Tensor, image_BCHW: Tensor) -> Tensor:
    """The mean image, once for every picture, unless it is that already."""
    return mean_CHW if mean_CHW.dim() == 4 else mean_CHW[None].expand(len(image_BCHW), -1, -1, -1)
