"""Fully convolutional networks as DIGITS has them: FCN-AlexNet and FCN-8s on VGG-16.

Source: https://arxiv.org/abs/1605.06211. A classifier without its last layer looks at every place of the picture, its
dense layers as convolutions; coarse scores are enlarged to the size of the picture. Two things are other than in Caffe:
instead of 100 black pixels around the picture and a crop of the scores by tuned offsets, edges are added such that
scores lie exactly above what they were computed from; and enlarging is bilinear instead of a convolution that starts
as (and in the published FCN-8s stays) bilinear.
"""

from torch import Tensor, nn
from torch.nn import functional
from torchvision import models
from torchvision.models import vgg

from digits_core.networks.padding import padded
from digits_core.networks.zoo import replace_first_convolution

STRIDE = 32
POOL3, POOL4 = 17, 24
"""Rows of VGG-16's layers behind the third and the fourth pooling."""
HIDDEN = 4096


class _FCN(nn.Module):
    def __init__(self, features: nn.Sequential, depth: int, side: int, channels: int) -> None:
        super().__init__()
        self.features: nn.Sequential = features
        if channels != 3:
            replace_first_convolution(features, channels)
        self.classifier = nn.Sequential(
            nn.Conv2d(depth, HIDDEN, side, padding=side // 2), nn.ReLU(inplace=True), nn.Dropout2d(0.5),
            nn.Conv2d(HIDDEN, HIDDEN, 1), nn.ReLU(inplace=True), nn.Dropout2d(0.5))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def _adopt(self, weights: dict[str, Tensor], rows: tuple[str, str]) -> dict[str, Tensor]:
        """Weights of the classifier under the names and in the shapes that they have here; its last layer stays out."""
        if "score.weight" in weights:
            return weights
        found = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier.")}
        for row, own in zip(rows, ("0", "3"), strict=True):
            for part in ("weight", "bias"):
                tensor = weights.get(f"classifier.{row}.{part}")
                here = self.get_parameter(f"classifier.{own}.{part}")
                if tensor is not None and tensor.numel() == here.numel():
                    found[f"classifier.{own}.{part}"] = tensor.reshape(here.shape)
        return found


def score(depth: int, classes: int) -> nn.Conv2d:
    """A layer that gives a score a class, all 0 at first, as its authors start it."""
    layer = nn.Conv2d(depth, classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class FCN8s(_FCN):
    """Scores at a 32nd, a 16th and an 8th of the size, each enlarged onto the next; 134 M parameters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(vgg.make_layers(vgg.cfgs["D"]), 512, 7, channels)
        self.score_pool3, self.score_pool4 = score(256, classes), score(512, classes)
        self.score = score(HIDDEN, classes)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes, H, W)."""
        height, width = image_BCHW.shape[2:]
        image = padded(image_BCHW, STRIDE)
        pool3 = self.features[:POOL3](image)
        pool4 = self.features[POOL3:POOL4](pool3)
        scores = self.score(self.classifier(self.features[POOL4:](pool4)))
        scores = enlarge(scores, 2) + self.score_pool4(pool4)
        scores = enlarge(scores, 2) + self.score_pool3(pool3)
        return enlarge(scores, 8)[..., :height, :width]

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of torchvision's vgg16 as this network can load them."""
        return self._adopt(weights, ("0", "3"))


def enlarge(scores_BKHW: Tensor, factor: int) -> Tensor:
    """Each score becomes a square of so many pixels, bilinear between their centres."""
    return functional.interpolate(scores_BKHW, scale_factor=factor, mode="bilinear", align_corners=False)


class FCNAlexNet(_FCN):
    """Scores at a 32nd of the size, enlarged at once; 57 M parameters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(models.alexnet(weights=None).features, 256, 6, channels)
        self.score = score(HIDDEN, classes)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes, H, W).

        Feature i sees what is around pixel 32 i + 31 - 16, with 16 pixels added before the picture; the even kernel of
        the first dense layer gives one score more than there are features, at the corners between them: at the pixels
        -1, 31, 63 ...
        """
        height, width = image_BCHW.shape[2:]
        image = padded(image_BCHW, STRIDE)
        around = functional.pad(image, (16, 15, 16, 15), mode="replicate")
        scores = self.score(self.classifier(self.features(around)))
        size = [side + 1 for side in image.shape[2:]]
        scores = functional.interpolate(scores, size=size, mode="bilinear", align_corners=True)
        return scores[..., 1:height + 1, 1:width + 1]

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of torchvision's alexnet as this network can load them."""
        return self._adopt(weights, ("1", "4"))


NETWORKS: dict[str, type[nn.Module]] = {"fcn8s": FCN8s, "fcn_alexnet": FCNAlexNet}


def build(input_shape: tuple[int, int, int], classes: int, name: str) -> nn.Module:
    """See NetworkSpec.build: logits (B, classes, H, W) for pictures of any height and width."""
    return NETWORKS[name](input_shape[0], classes)
