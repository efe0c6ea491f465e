"""Changes of colour for whole batches; pixels are float32 from 0 to 1, (B, C, H, W); strengths (B,), one a picture."""

import torch
from torch import Tensor


def shift_hsv(image_B3HW: Tensor, hue_B: Tensor, saturation_B: Tensor, value_B: Tensor) -> Tensor:
    """Add to hue (turns around, 1 is once), saturation and brightness (both end at 0 and 1)."""
    hue, saturation, value = _to_hsv(image_B3HW)
    hue = (hue + _wide(hue_B)[:, 0]) % 1.0
    saturation = (saturation + _wide(saturation_B)[:, 0]).clamp_(0, 1)
    value = (value + _wide(value_B)[:, 0]).clamp_(0, 1)
    return _to_rgb(hue, saturation, value)


def change_contrast(image_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Distances from the mean of each channel of each picture, times a factor."""
    mean = image_BCHW.mean((2, 3), keepdim=True)
    return (image_BCHW - mean) * _wide(factor_B) + mean


def add_noise(image_BCHW: Tensor, deviation: float, seed: int) -> Tensor:
    """Add white noise. Drawn where the picture is: so many numbers would take long to travel."""
    generator = torch.Generator(image_BCHW.device).manual_seed(seed)
    noise = torch.randn(image_BCHW.shape, generator=generator, device=image_BCHW.device)
    return image_BCHW + noise * deviation


def _wide(numbers_B: Tensor) -> Tensor:
    return numbers_B.view(-1, 1, 1, 1)


def _to_hsv(image_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    value, place = image_B3HW.max(1)
    spread = value - image_B3HW.min(1).values
    red, green, blue = image_B3HW.unbind(1)
    safe = torch.where(spread > 0, spread, torch.ones_like(spread))
    sixth = torch.where(place == 0, (green - blue) / safe % 6,
                        torch.where(place == 1, (blue - red) / safe + 2, (red - green) / safe + 4))
    saturation = torch.where(value > 0, spread / torch.where(value > 0, value, torch.ones_like(value)), value)
    return sixth / 6, saturation, value


def _to_rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Source: https://en.wikipedia.org/wiki/HSL_and_HSV#HSV_to_RGB_alternative."""
    channels = []
    for start in (5, 3, 1):
        k = (start + hue * 6) % 6
        channels.append(value - value * saturation * torch.minimum(k, 4 - k).clamp_(0, 1))
    return torch.stack(channels, 1)
