"""Crop, flip and normalise whole batches on the device that trains; there is no loop over pictures."""

import torch
from torch import Tensor

from digits_core.train.dataset import Preprocessing


class Transform:
    """From uint8 pixels (B, C, H, W) to the network's input, float32, in the device's memory format."""

    def __init__(self, preprocessing: Preprocessing, flip: bool, device: torch.device) -> None:
        self.crop, self.flip = preprocessing.crop, flip
        self.subtract_CHW = torch.from_numpy(preprocessing.subtract()).to(device)
        self.divide_C11 = torch.from_numpy(preprocessing.divide()).to(device)

    def plain(self, pixels_BCHW: Tensor) -> Tensor:
        """Centre crop and normalisation: what validation and inference see."""
        if self.crop is None:
            return self._normalised(pixels_BCHW, self.subtract_CHW)
        top, left = ((side - self.crop) // 2 for side in pixels_BCHW.shape[2:])
        window = (..., slice(top, top + self.crop), slice(left, left + self.crop))
        subtract = self.subtract_CHW if self.subtract_CHW.shape[-1] == 1 else self.subtract_CHW[window]
        return self._normalised(pixels_BCHW[window], subtract)

    def random(self, pixels_BCHW: Tensor, seed: int) -> Tensor:
        """A random crop and a flip for each picture, as the options ask; ``seed`` decides all of it."""
        if self.crop is None and not self.flip:
            return self._normalised(pixels_BCHW, self.subtract_CHW)
        # On the CPU whatever the device: the same seed gives the same pictures everywhere.
        numbers_3B = torch.rand((3, len(pixels_BCHW)), generator=torch.Generator().manual_seed(seed))
        subtract = self.subtract_CHW
        if self.crop is not None:
            top_B, left_B = (self._offsets(numbers_3B[i], pixels_BCHW.shape[2 + i]) for i in (0, 1))
            if subtract.shape[-1] > 1:
                subtract = _windows(subtract[None].expand(len(top_B), -1, -1, -1), top_B, left_B, self.crop)
            pixels_BCHW = _windows(pixels_BCHW, top_B, left_B, self.crop)
        image = self._normalised(pixels_BCHW, subtract)
        if self.flip:
            chosen_B111 = (numbers_3B[2] < 0.5).view(-1, 1, 1, 1).to(image.device, non_blocking=True)
            image = torch.where(chosen_B111, image.flip(3), image)
        return image

    def _offsets(self, numbers_B: Tensor, side: int) -> Tensor:
        assert self.crop is not None
        places = side - self.crop + 1
        return (numbers_B * places).long().clamp_(max=places - 1).to(self.divide_C11.device, non_blocking=True)

    def _normalised(self, pixels_BCHW: Tensor, subtract: Tensor) -> Tensor:
        image = torch.sub(pixels_BCHW, subtract).div_(self.divide_C11)
        return image.contiguous(memory_format=torch.channels_last)


def _windows(image_BCHW: Tensor, top_B: Tensor, left_B: Tensor, size: int) -> Tensor:
    """A square of ``size`` from each picture, with its corner at ``top``, ``left``."""
    every_B = torch.arange(len(top_B), device=image_BCHW.device)
    return image_BCHW.unfold(2, size, 1).unfold(3, size, 1)[every_B, :, top_B, left_B]
