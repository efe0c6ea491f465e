"""torchvision's detectors under one contract: pictures come normalised and in their final size, classes start at 0.

In training ``network(image_BCHW, target_BM6)`` gives a dict of losses; else ``network(image_BCHW)`` a list with the
boxes (N, 6) of each picture: class, x0, y0, x1, y1, score, best first. Ignored boxes and padding are no targets.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection.image_list import ImageList

from digits_core.networks.zoo import replace_first_convolution

BACKGROUND = ("fasterrcnn_resnet50_fpn", "ssdlite320_mobilenet_v3_large")
"""Networks that count the background as class 0."""
ARGUMENTS: dict[str, dict[str, Any]] = {
    # 0.05, as the others: a threshold belongs to who looks at the boxes
    "fcos_resnet50_fpn": {"score_thresh": 0.05},
    "ssdlite320_mobilenet_v3_large": {"score_thresh": 0.05, "detections_per_img": 100},
}


def build(input_shape: tuple[int, int, int], classes: int, name: str) -> nn.Module:
    """See NetworkSpec.build; random weights, nothing is downloaded."""
    shift = int(name in BACKGROUND)
    network: Any = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=classes + shift,
                                            **ARGUMENTS.get(name, {}))
    if input_shape[0] != 3:
        replace_first_convolution(network, input_shape[0])
    if name.startswith("fcos"):
        # Its distances go through a ReLU that, begun at 0, may never open; 1 is half the size that each map is for
        nn.init.constant_(network.head.regression_head.bbox_reg.bias, 1.0)
    network.transform = AsTheyAre()
    # Another class for the same object, and no wrapper: the weights keep torchvision's names
    network.__class__ = type(type(network).__name__, (Detector, type(network)), {})
    network.shift, network.ends_in_points = shift, name.startswith("ssd")
    return network


class AsTheyAre(nn.Module):
    """In place of torchvision's resize and normalisation: does neither."""

    def forward(self, images: Tensor, targets: Any = None) -> tuple[ImageList, Any]:
        """The batch with the size of each picture."""
        height, width = images.shape[2:]
        return ImageList(images, [(height, width)] * len(images)), targets

    def postprocess(self, result: Any, image_sizes: Any, original_sizes: Any) -> Any:
        """Boxes are in the pictures' own pixels already."""
        return result


class Detector(nn.Module):
    """Goes before one of torchvision's classes: our targets in, our boxes out."""

    shift: int
    """What is added to our class numbers to make room for the background."""
    ends_in_points: bool
    """Whether its last maps have a single value, which cannot be normalised over a batch of one picture."""

    def forward(self, image_BCHW: Tensor, target_BM6: Tensor | None = None) -> Any:
        """See the module."""
        if not self.training:
            return [self._ours(found) for found in super().forward(image_BCHW)]
        assert target_BM6 is not None
        if len(image_BCHW) == 1 and (self.ends_in_points or max(image_BCHW.shape[2:]) <= 64):
            image_BCHW, target_BM6 = torch.cat([image_BCHW] * 2), torch.cat([target_BM6] * 2)
        return super().forward(image_BCHW, [self._theirs(rows) for rows in target_BM6])

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the classifier that it is built on under the names they have here; others stay as they are."""
        if any(name.startswith("backbone.") for name in weights):
            return weights
        rename = _within_ssd if self.ends_in_points else "backbone.body.{}".format
        return {rename(name): tensor for name, tensor in weights.items() if not name.startswith(("fc.", "classifier."))}

    def _theirs(self, target_M6: Tensor) -> dict[str, Tensor]:
        width_height = target_M6[:, 3:5] - target_M6[:, 1:3]
        real = target_M6[(target_M6[:, 0] >= 0) & (target_M6[:, 5] == 0) & (width_height > 0).all(1)]
        return {"boxes": real[:, 1:5], "labels": real[:, 0].long() + self.shift}

    def _ours(self, found: dict[str, Tensor]) -> Tensor:
        score_N, order_N = found["scores"].sort(descending=True, stable=True)
        kind_N1 = (found["labels"][order_N] - self.shift)[:, None].to(score_N.dtype)
        return torch.cat([kind_N1, found["boxes"][order_N], score_N[:, None]], 1)


SPLIT = 13
"""The block of MobileNetV3 within which torchvision divides it for SSD: its first layer belongs to the first part."""


def _within_ssd(name: str) -> str:
    """The name of a weight of MobileNetV3 where it is the body of SSDlite.

    >>> _within_ssd("features.13.block.0.0.weight"), _within_ssd("features.13.block.2.0.bias")
    ('backbone.features.0.13.0.weight', 'backbone.features.1.0.2.0.bias')
    """
    _, place, *rest = name.split(".")
    if int(place) < SPLIT:
        return ".".join(["backbone.features.0", place, *rest])
    if int(place) > SPLIT:
        return ".".join(["backbone.features.1", str(int(place) - SPLIT), *rest])
    return ".".join(["backbone.features.0.13", *rest[2:]] if rest[1] == "0" else ["backbone.features.1.0", *rest[1:]])
