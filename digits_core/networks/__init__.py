"""The networks on offer, as light data; building one imports torch and happens in workers only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSpec:
    """One entry of the list.

    ``build`` names ``function(input_shape, classes) -> nn.Module`` with input_shape = (channels, height, width);
    the module takes float32 (B, C, H, W) and returns logits (B, classes), in training mode possibly a tuple
    (logits, auxiliary logits ...).
    """

    name: str
    title: str
    year: int
    paper: str
    intended: str
    """Input it was designed for, as "28 x 28, grey"; every other size and channel count works too."""
    batch_size: int
    build: str
    crop: int | None = None
    """Crop its authors used, offered as a suggestion."""


_ZOO = "digits_core.networks.zoo"

NETWORKS: dict[str, NetworkSpec] = {spec.name: spec for spec in (
    NetworkSpec("lenet", "LeNet", 1998, "http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf", "28 x 28, grey", 64,
                "digits_core.networks.lenet:build"),
    NetworkSpec("resnet20", "ResNet-20", 2015, "https://arxiv.org/abs/1512.03385", "32 x 32, colour", 128,
                "digits_core.networks.resnet20:build"),
    NetworkSpec("alexnet", "AlexNet", 2012, "https://arxiv.org/abs/1404.5997", "256 x 256, colour", 128,
                f"{_ZOO}:alexnet", 224),
    NetworkSpec("googlenet", "GoogLeNet", 2014, "https://arxiv.org/abs/1409.4842", "256 x 256, colour", 32,
                f"{_ZOO}:googlenet", 224),
    NetworkSpec("vgg16", "VGG-16", 2014, "https://arxiv.org/abs/1409.1556", "256 x 256, colour", 32,
                f"{_ZOO}:vgg16", 224),
    NetworkSpec("resnet18", "ResNet-18", 2015, "https://arxiv.org/abs/1512.03385", "256 x 256, colour", 64,
                f"{_ZOO}:resnet18", 224),
    NetworkSpec("resnet50", "ResNet-50", 2015, "https://arxiv.org/abs/1512.03385", "256 x 256, colour", 32,
                f"{_ZOO}:resnet50", 224),
    NetworkSpec("mobilenet_v3_small", "MobileNetV3-small", 2019, "https://arxiv.org/abs/1905.02244",
                "256 x 256, colour", 64, f"{_ZOO}:mobilenet_v3_small", 224),
)}


def title(name: str) -> str:
    """How a network is called; a name that is not on the list as it is."""
    return NETWORKS[name].title if name in NETWORKS else "Custom network" if name == "custom" else name


def usual_batch_size(name: str) -> int:
    """Pictures per step where nobody chose."""
    return NETWORKS[name].batch_size if name in NETWORKS else 64
