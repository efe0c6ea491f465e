"""The networks on offer, as light data; building one imports torch and happens in workers only."""

from dataclasses import dataclass, field, replace
from typing import Any

from digits_core.networks.torchvision_data import ROWS

LATENT = 100
"""Numbers of z, from which a generator makes a picture; behind them stands a weight for each class that it knows."""


@dataclass(frozen=True)
class NetworkSpec:
    """One entry of the list.

    ``build`` names ``function(input_shape, classes, **arguments) -> nn.Module`` with input_shape = (channels, height,
    width); the module takes float32 (B, C, H, W) and returns logits (B, classes), for segmentation (B, classes, H, W),
    in training mode possibly a tuple (logits, auxiliary logits ...). Of detection see digits_core.networks.detectors.
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
    arguments: dict[str, Any] = field(default_factory=dict)
    standard: bool = True
    """Whether the form shows it as a card; the others are found by their name."""
    fixed: int | None = None
    """The only side it takes, in pixels: every picture is scaled to it inside."""
    parameters: int = 0
    """As torchvision counts them, for colour pictures of 1,000 classes; 0: unknown."""
    gflops: float = 0.0
    """Billions of multiplications with addition for one picture of ``crop``; 0: unknown."""
    tasks: tuple[str, ...] = ("classification", "regression")
    """What it can be trained for."""
    body: str = ""
    """The classifier that it is built on, whose published weights are a start; empty: it is one itself, or on none."""


_ZOO = "digits_core.networks.zoo:build"


def _standard(name: str, batch_size: int, **facts: Any) -> NetworkSpec:
    return replace(_torchvision(ROWS[name]), batch_size=batch_size, standard=True, **facts)


def _torchvision(row: dict[str, Any]) -> NetworkSpec:
    gflops, crop = row["gflops"], row["fixed"] or row["weights"][0]["crop"]
    size = 64 if gflops < 1 else 32 if gflops < 6 else 16 if gflops < 25 else 8
    return NetworkSpec(row["name"], row["title"], row["year"], row["paper"], f"{crop} x {crop}, colour", size, _ZOO,
                       crop, {"name": row["name"]}, False, row["fixed"], row["parameters"], gflops)


def _detection(name: str, title: str, year: int, paper: str, intended: str, batch_size: int, module: str,
               arguments: dict[str, Any], parameters: int, body: str = "") -> NetworkSpec:
    return NetworkSpec(name, title, year, paper, intended, batch_size, f"digits_core.networks.{module}:build",
                       arguments=arguments, parameters=parameters, tasks=("detection",), body=body)


def _segmentation(name: str, title: str, year: int, paper: str, intended: str, batch_size: int, module: str,
                  arguments: dict[str, Any], parameters: int, body: str = "") -> NetworkSpec:
    return NetworkSpec(name, title, year, paper, intended, batch_size, f"digits_core.networks.{module}:build",
                       arguments=arguments, parameters=parameters, body=body,
                       tasks=("segmentation", "processing") if module == "unet" else ("segmentation",))


def _text(name: str, title: str, batch_size: int, arguments: dict[str, Any], parameters: int) -> NetworkSpec:
    return NetworkSpec(name, title, 2015, "https://arxiv.org/abs/1509.01626", "texts of 1,024 characters", batch_size,
                       "digits_core.networks.charcnn:build", arguments=arguments, parameters=parameters,
                       tasks=("text",))


def _generation(name: str, title: str, intended: str, width: int) -> NetworkSpec:
    return NetworkSpec(name, title, 2016, "https://arxiv.org/abs/1511.06434", intended, 64,
                       "digits_core.networks.dcgan:build", arguments={"width": width}, tasks=("generation",))


_COLOUR = "256 x 256, colour"
_DETECTNET = "https://developer.nvidia.com/blog/detectnet-deep-neural-network-object-detection-digits/"
_FCN_PAPER, _MOBILE_PAPER = "https://arxiv.org/abs/1605.06211", "https://arxiv.org/abs/1905.02244"
_SPECS = (
    NetworkSpec("lenet", "LeNet", 1998, "http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf", "28 x 28, grey", 64,
                "digits_core.networks.lenet:build"),
    NetworkSpec("resnet20", "ResNet-20", 2015, "https://arxiv.org/abs/1512.03385", "32 x 32, colour", 128,
                "digits_core.networks.resnet20:build"),
    NetworkSpec("mlp", "Dense network", 1986, "https://doi.org/10.1038/323533a0", "vectors, 28 x 28", 64,
                "digits_core.networks.mlp:build"),
    _standard("alexnet", 128, intended=_COLOUR),
    _standard("googlenet", 32, intended=_COLOUR),
    _standard("vgg16", 32, intended=_COLOUR),
    _standard("resnet18", 64, intended=_COLOUR),
    _standard("resnet50", 32, intended=_COLOUR),
    _standard("mobilenet_v3_small", 64, intended=_COLOUR),
    _text("charcnn", "Character CNN", 128, {}, 12_000_000),
    _text("charcnn_small", "Character CNN, small", 64, {"small": True}, 100_000),
    _segmentation("unet", "U-Net", 2015, "https://arxiv.org/abs/1505.04597", "572 x 572, grey", 4, "unet",
                  {"width": 32}, 7_800_000),
    _segmentation("unet_narrow", "U-Net, narrow", 2015, "https://arxiv.org/abs/1505.04597", "any size, CPU", 4, "unet",
                  {"width": 16}, 1_900_000),
    _segmentation("fcn_alexnet", "FCN-AlexNet", 2015, _FCN_PAPER, "500 x 500, colour", 4, "fcn",
                  {"name": "fcn_alexnet"}, 57_000_000, "alexnet"),
    _segmentation("fcn8s", "FCN-8s (VGG-16)", 2015, _FCN_PAPER, "500 x 500, colour", 1, "fcn", {"name": "fcn8s"},
                  134_300_000, "vgg16"),
    _segmentation("deeplabv3_resnet50", "DeepLabV3, ResNet-50", 2017, "https://arxiv.org/abs/1706.05587",
                  "520 x 520, colour", 8, "segmentation", {"name": "deeplabv3_resnet50"}, 42_000_000,
                  "resnet50"),
    _segmentation("deeplabv3_mobilenet_v3_large", "DeepLabV3, MobileNetV3", 2019, _MOBILE_PAPER, "520 x 520, colour",
                  8, "segmentation", {"name": "deeplabv3_mobilenet_v3_large"}, 11_000_000,
                  "mobilenet_v3_large"),
    _segmentation("lraspp_mobilenet_v3_large", "LR-ASPP, MobileNetV3", 2019, _MOBILE_PAPER, "520 x 520, colour", 8,
                  "segmentation", {"name": "lraspp_mobilenet_v3_large"}, 3_200_000, "mobilenet_v3_large"),
    _detection("detectnet", "DetectNet (GoogLeNet)", 2016, _DETECTNET, "1248 x 384, colour", 10, "detectnet", {},
               5_600_000, "googlenet"),
    _detection("detectnet_small", "DetectNet, small", 2016, _DETECTNET, "up to 256 x 256, CPU", 16, "detectnet",
               {"small": True}, 200_000),
    _detection("fasterrcnn_resnet50_fpn", "Faster R-CNN, ResNet-50", 2015, "https://arxiv.org/abs/1506.01497",
               "800 x 800, colour", 4, "detectors", {"name": "fasterrcnn_resnet50_fpn"}, 41_300_000, "resnet50"),
    _detection("retinanet_resnet50_fpn", "RetinaNet, ResNet-50", 2017, "https://arxiv.org/abs/1708.02002",
               "800 x 800, colour", 4, "detectors", {"name": "retinanet_resnet50_fpn"}, 32_200_000, "resnet50"),
    _detection("fcos_resnet50_fpn", "FCOS, ResNet-50", 2019, "https://arxiv.org/abs/1904.01355", "800 x 800, colour",
               4, "detectors", {"name": "fcos_resnet50_fpn"}, 32_100_000, "resnet50"),
    _detection("ssdlite320_mobilenet_v3_large", "SSDlite, MobileNetV3", 2018, "https://arxiv.org/abs/1801.04381",
               "320 x 320, colour", 16, "detectors", {"name": "ssdlite320_mobilenet_v3_large"}, 2_200_000,
               "mobilenet_v3_large"),
    _generation("dcgan", "DCGAN", "64 x 64, colour", 64),
    _generation("dcgan_narrow", "DCGAN, narrow", "28 x 28, grey, CPU", 32),
    _generation("dcgan_tiny", "DCGAN, tiny", "to try things out", 16),
)
DESCRIBED = {"custom": "Custom network", "caffe": "Caffe network"}
"""Networks that come with their description: source, or a list of layers (see custom and graph)."""
NETWORKS: dict[str, NetworkSpec] = {
    **{spec.name: spec for spec in _SPECS},
    **{name: _torchvision(row) for name, row in ROWS.items() if name not in {spec.name for spec in _SPECS}}}


def networks_for(task: str) -> tuple[str, ...]:
    """The names of those that can be trained for a task."""
    return tuple(name for name, spec in NETWORKS.items() if task in spec.tasks)


def body_of(name: str) -> str:
    """The network whose published weights a network may start with: the classifier it is built on, or itself."""
    return (NETWORKS[name].body if name in NETWORKS else "") or name


def title(name: str) -> str:
    """How a network is called; a name that is not on the list as it is."""
    return NETWORKS[name].title if name in NETWORKS else DESCRIBED.get(name, name)


def usual_batch_size(name: str) -> int:
    """Pictures per step where nobody chose."""
    return NETWORKS[name].batch_size if name in NETWORKS else 64
