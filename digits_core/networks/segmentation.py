"""torchvision's networks for segmentation, made to fit any channel count, any size and batches of one picture."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import segmentation
from torchvision.models.segmentation.deeplabv3 import ASPPPooling

from digits_core.networks.padding import padded
from digits_core.networks.zoo import replace_first_convolution

BACKBONES = {"deeplabv3_resnet50": "resnet50", "deeplabv3_mobilenet_v3_large": "mobilenet_v3_large",
             "lraspp_mobilenet_v3_large": "mobilenet_v3_large"}
"""The classifier that each is built on."""


class Segmentation(nn.Module):
    """One of torchvision's networks; weights have the names that they have there."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone, self.classifier = network.backbone, network.classifier
        self.aux_classifier: nn.Module | None = getattr(network, "aux_classifier", None)
        self.whole_features = "high" in self.backbone.return_layers.values()

    def forward(self, image_BCHW: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Logits (B, classes, H, W); with an auxiliary head in training mode, those of both."""
        image = padded(image_BCHW, 1)
        features = self.backbone(image)
        main = self.classifier(features if self.whole_features else features["out"])
        found = [main]
        if self.training and self.aux_classifier is not None:
            found.append(self.aux_classifier(features["aux"]))
        height, width = image_BCHW.shape[2:]
        large = tuple(functional.interpolate(scores, size=image.shape[2:], mode="bilinear",
                                             align_corners=False)[..., :height, :width] for scores in found)
        return large if len(large) > 1 else large[0]

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of the classifier that it is built on under the names they have here; others stay as they are."""
        if any(name.startswith("backbone.") for name in weights):
            return weights
        return {f"backbone.{name.removeprefix('features.')}": tensor for name, tensor in weights.items()
                if not name.startswith(("classifier.", "fc."))}


class OneValueNorm(nn.BatchNorm2d):
    """Batch normalisation that also takes one value a channel: where it cannot be measured, what was measured counts.

    DeepLab's pooling gives one value for a picture, so a batch of one has nothing to normalise by.
    """

    def forward(self, x: Tensor) -> Tensor:
        """See nn.BatchNorm2d."""
        if not self.training or x.numel() > x.shape[1]:
            return super().forward(x)
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0,
                                     self.eps)


def build(input_shape: tuple[int, int, int], classes: int, name: str) -> nn.Module:
    """See NetworkSpec.build: logits (B, classes, H, W) for pictures of any height and width."""
    more = {} if name.startswith("lraspp") else {"aux_loss": True}
    network = getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=classes, **more)
    for part in network.modules():
        if isinstance(part, ASPPPooling):
            part[2] = OneValueNorm(part[2].num_features)
    if input_shape[0] != 3:
        replace_first_convolution(network, input_shape[0])
    return Segmentation(network)
