"""Write digits_core/networks/torchvision.json: torchvision's networks for classification and their weights.

Run it after an update of torchvision; `--check` only compares.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from torchvision import models

Json = dict[str, Any]
TARGET = Path(__file__).parents[1] / "digits_core" / "networks" / "torchvision.json"
ARXIV = "https://arxiv.org/abs/"
SQUARES = ("vit_", "maxvit_")
"""Families that take pictures of one size only."""
SYMMETRIC = {"googlenet": [0.5] * 3, "inception_v3": [0.5] * 3}
"""Mean and spread that these weights really want: torchvision converts to them inside (``transform_input``)."""

FAMILIES: list[tuple[str, str, int, str]] = [
    (r"alexnet", "AlexNet", 2012, "1404.5997"),
    (r"convnext_(\w+)", r"ConvNeXt-\1", 2022, "2201.03545"),
    (r"densenet(\d+)", r"DenseNet-\1", 2016, "1608.06993"),
    (r"efficientnet_b(\d)", r"EfficientNet-B\1", 2019, "1905.11946"),
    (r"efficientnet_v2_(\w)", r"EfficientNetV2-\1", 2021, "2104.00298"),
    (r"googlenet", "GoogLeNet", 2014, "1409.4842"),
    (r"inception_v3", "Inception-v3", 2015, "1512.00567"),
    (r"maxvit_(\w)", r"MaxViT-\1", 2022, "2204.01697"),
    (r"mnasnet(\d)_(\d+)", r"MNASNet \1.\2", 2018, "1807.11626"),
    (r"mobilenet_v2", "MobileNetV2", 2018, "1801.04381"),
    (r"mobilenet_v3_(\w+)", r"MobileNetV3-\1", 2019, "1905.02244"),
    (r"regnet_(\w)_(\d+)_?(\d*)([gm]f)", r"RegNet\1-\2.\3\4", 2020, "2003.13678"),
    (r"resnet(\d+)", r"ResNet-\1", 2015, "1512.03385"),
    (r"resnext(\d+)_(\w+)", r"ResNeXt-\1 \2", 2016, "1611.05431"),
    (r"shufflenet_v2_x(\d)_(\d)", r"ShuffleNetV2 \1.\2x", 2018, "1807.11164"),
    (r"squeezenet(\d)_(\d)", r"SqueezeNet \1.\2", 2016, "1602.07360"),
    (r"swin_v2_(\w)", r"Swin-V2-\1", 2021, "2111.09883"),
    (r"swin_(\w)", r"Swin-\1", 2021, "2103.14030"),
    (r"vgg(\d+)_bn", r"VGG-\1 with batch normalisation", 2014, "1409.1556"),
    (r"vgg(\d+)", r"VGG-\1", 2014, "1409.1556"),
    (r"vit_(\w)_(\d+)", r"ViT-\1/\2", 2020, "2010.11929"),
    (r"wide_resnet(\d+)_2", r"Wide ResNet-\1-2", 2016, "1605.07146"),
]


def network(name: str) -> Json:
    """One network with all its weights for ImageNet's 1,000 classes, the recommended ones first."""
    choices = models.get_model_weights(name)
    default = choices.DEFAULT
    fixed = default.meta["min_size"][0] if name.startswith(SQUARES) else None
    if name.startswith("vit_h"):
        fixed = 224  # as torchvision builds it; its default weights are for 518
    fitting = [one for one in choices if one.meta.get("categories") and (
        fixed is None or one.meta["min_size"][0] == fixed)]
    fitting.sort(key=lambda one: one != default)
    title, year, paper = family(name)
    return {"name": name, "title": title, "year": year, "paper": ARXIV + paper, "fixed": fixed,
            "parameters": default.meta["num_params"], "gflops": fitting[0].meta["_ops"],
            "weights": [weights(name, one) for one in fitting]}


def family(name: str) -> tuple[str, int, str]:
    """Title, year and paper."""
    for pattern, title, year, paper in FAMILIES:
        if match := re.fullmatch(pattern, name):
            words = match.expand(title).replace(".gf", "gf").replace(".mf", "mf")
            capital = re.sub(r"(?<=[-tT])([a-z]|\d+(\.\d+)?[gm]f)(?=$|[-/])", lambda m: m[0].upper(), words)
            return re.sub(r"(?<=RegNet)[xy]", lambda m: m[0].upper(), capital), year, paper
    raise SystemExit(f"{name}: a family of networks that is not in FAMILIES")


def weights(name: str, one: Any) -> Json:
    """What a download needs to be checked and used. ``bytes`` is rounded by torchvision to about a thousand."""
    meta, steps = one.meta, one.transforms()
    measured = meta["_metrics"]["ImageNet-1K"]
    return {"tag": one.name, "url": one.url, "sha256": re.search(r"-([0-9a-f]{8,})\.pth$", one.url)[1],  # type: ignore[index]
            "bytes": round(meta["_file_size"] * 2**20), "accuracy": round(measured["acc@1"] / 100, 5),
            "top5": round(measured["acc@5"] / 100, 5), "resize": steps.resize_size[0], "crop": steps.crop_size[0],
            "mean": SYMMETRIC.get(name, steps.mean), "std": SYMMETRIC.get(name, steps.std),
            "interpolation": steps.interpolation.value, "license": meta.get("license") or "",
            "recipe": meta.get("recipe") or ""}


def main() -> None:
    """Write the file, or end with 1 when it is not what it should be."""
    rows = [network(name) for name in models.list_models(module=models)]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == text else f"{TARGET.name} is not what torchvision says; run this script.")
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
