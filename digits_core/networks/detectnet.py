"""DetectNet: a grid over the picture says where things are (coverage) and where the edges of each thing lie (boxes).

Source: https://developer.nvidia.com/blog/detectnet-deep-neural-network-object-detection-digits/ and the layers in
NVIDIA's Caffe. What differs, so that rare and small things are not given up: coverage is linear while it learns (behind
a sigmoid an L2 loss has no slope left for what is never said), every thing counts the same whatever its size, and
losses are means, no sums, so any grid trains with the same learning rate. Regions that are not labelled teach nothing,
and clusters of cells are merged by overlap.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models, ops

from digits_core.networks.zoo import OPTIONS, replace_first_convolution

GOOGLENET = ("conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3", "inception4a",
             "inception4b", "inception4c", "inception4d", "inception4e", "inception5a", "inception5b")
"""The layers of GoogLeNet up to its classifier, without the last pooling: so a cell is 16 pixels wide."""
SHRUNK = 0.4
"""Share of a box, around its middle, whose cells are to see it; at least one cell does."""
COVERAGE_WEIGHT, BOX_WEIGHT = 4.0, 2.0
LEAST_WEIGHT = 0.2
"""What a cell of a large thing counts at least, where cells count 1 on average."""
STEEPNESS = 8.0
"""Of the curve that makes a score of a coverage: 0.02 of 0, 0.5 of 0.5, 0.98 of 1, and the order stays."""
CANDIDATES, MOST = 1000, 100
"""Cells of a picture that are looked at, and boxes that are given at most."""


def build(input_shape: tuple[int, int, int], classes: int, small: bool = False) -> nn.Module:
    """See NetworkSpec.build: DetectNet on GoogLeNet (cells of 16 pixels), or on a small body (cells of 4 pixels)."""
    if small:
        body, channels, stride = small_body(input_shape[0])
        return DetectNet({"body": body}, channels, classes, stride)
    whole = models.googlenet(weights=None, num_classes=1, **{**OPTIONS["googlenet"], "aux_logits": False})
    if input_shape[0] != 3:
        replace_first_convolution(whole, input_shape[0])
    # The layers keep GoogLeNet's own names, so its weights are a start
    return DetectNet({name: getattr(whole, name) for name in GOOGLENET}, 1024, classes, 16)


def small_body(channels: int, width: int = 64) -> tuple[nn.Module, int, int]:
    """For small pictures: few layers that see far, as their holes grow; with its channels and the pixels of a cell."""
    layers = [ops.Conv2dNormActivation(channels, width // 2, 3, 2), ops.Conv2dNormActivation(width // 2, width, 3, 2)]
    layers += [ops.Conv2dNormActivation(width, width, 3, dilation=dilation) for dilation in (1, 2, 4, 8, 1)]
    return nn.Sequential(*layers), width, 4


class DetectNet(nn.Module):
    """See the module. ``layers`` make features (B, channels, H / stride, W / stride) of pictures (B, C, H, W)."""

    def __init__(self, layers: dict[str, nn.Module], channels: int, classes: int, stride: int) -> None:
        super().__init__()
        self.names, self.classes, self.stride = tuple(layers), classes, stride
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.coverage = nn.Conv2d(channels, classes, 1)
        self.boxes = nn.Conv2d(channels, 4, 1)
        for head in (self.coverage, self.boxes):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        self.least, self.overlap = 0.05, 0.5

    def forward(self, image_BCHW: Tensor, target_BM6: Tensor | None = None) -> Any:
        """Losses while it learns, else a list of boxes (N, 6): class, x0, y0, x1, y1, score."""
        features = image_BCHW
        for name in self.names:
            features = self.get_submodule(name)(features)
        coverage_BKHW = self.coverage(features).float()
        edges_B4HW = self._edges(self.boxes(features).float())
        if self.training:
            assert target_BM6 is not None
            return self.losses(coverage_BKHW, edges_B4HW, target_BM6)
        size, score_BKHW = image_BCHW.shape[2:], (STEEPNESS * (coverage_BKHW - 0.5)).sigmoid()
        return [self.found(*pair, (size[0], size[1])) for pair in zip(score_BKHW, edges_B4HW, strict=True)]

    def _edges(self, raw_B4HW: Tensor) -> Tensor:
        """Pixels of left, top, right and bottom edges, from distances to the middle of the cell."""
        y_H, x_W = (self._middles(side, raw_B4HW) for side in raw_B4HW.shape[2:])
        y_HW, x_HW = torch.meshgrid(y_H, x_W, indexing="ij")
        away = raw_B4HW * (2 * self.stride)
        outwards = away.new_tensor([-1.0, -1, 1, 1]).view(1, 4, 1, 1)
        return torch.stack([x_HW, y_HW, x_HW, y_HW]) + outwards * (away + self.stride)

    def _middles(self, count: int, like: Tensor) -> Tensor:
        return (torch.arange(count, device=like.device, dtype=torch.float32) + 0.5) * self.stride

    def losses(self, coverage_BKHW: Tensor, edges_B4HW: Tensor, target_BM6: Tensor) -> dict[str, Tensor]:
        """L2 of the coverage, a mean over covered cells, and L1 of the boxes in shares of their size, over things.

        Each thing counts the same in both, however many cells it covers.
        """
        truth = Grid(target_BM6.float(), self.classes, coverage_BKHW.shape[2:], self.stride)
        covered, things = truth.coverage_BKHW.sum().clamp(min=1.0), truth.count.clamp(min=1.0)
        own_B1HW = (truth.weight_BHW * covered / things).clamp(min=LEAST_WEIGHT)[:, None]
        weight_BKHW = torch.where(truth.coverage_BKHW > 0, own_B1HW, truth.counts_BKHW)
        error_BKHW = (coverage_BKHW - truth.coverage_BKHW) ** 2 * weight_BKHW
        distance_BHW = ((edges_B4HW - truth.edges_B4HW).abs() / truth.size_B4HW).sum(1) * truth.weight_BHW
        return {"loss_coverage": COVERAGE_WEIGHT * error_BKHW.sum() / covered,
                "loss_bbox": BOX_WEIGHT * distance_BHW.sum() / things}

    def found(self, score_KHW: Tensor, edges_4HW: Tensor, size: tuple[int, int]) -> Tensor:
        """The boxes (N, 6) of one picture, best first: overlapping cells of a class count as one thing."""
        score_N, place_N = score_KHW.flatten().topk(min(CANDIDATES, score_KHW.numel()))
        sure = score_N >= self.least
        score_N, place_N = score_N[sure], place_N[sure]
        cells = score_KHW.shape[1] * score_KHW.shape[2]
        kind_N = place_N // cells
        box_N4 = ops.clip_boxes_to_image(edges_4HW.flatten(1)[:, place_N % cells].T, size)
        return merged(box_N4, score_N, kind_N, self.overlap)[:MOST]


def merged(box_N4: Tensor, score_N: Tensor, kind_N: Tensor, overlap: float) -> Tensor:
    """Boxes (M, 6) with class and score, best first: each the mean, by score, of those of its class that overlap it."""
    whole = (box_N4[:, 2] > box_N4[:, 0]) & (box_N4[:, 3] > box_N4[:, 1])
    box_N4, score_N, kind_N = box_N4[whole], score_N[whole], kind_N[whole]
    keep_M = ops.batched_nms(box_N4, score_N, kind_N, overlap)
    same_MN = kind_N[keep_M][:, None] == kind_N
    share_MN = (ops.box_iou(box_N4[keep_M], box_N4) >= overlap) * same_MN * score_N
    mean_M4 = share_MN @ box_N4 / share_MN.sum(1, keepdim=True).clamp(min=1e-12)
    return torch.cat([kind_N[keep_M, None].to(mean_M4.dtype), mean_M4, score_N[keep_M, None]], 1)


class Grid:
    """What the network should say in each cell, from boxes (B, M, 6) with padding (class -1) and ignored ones.

    ``coverage`` is 1 where the middle of a thing lies, ``counts`` 0 where nobody knows, ``weight`` what a cell's box
    counts (1 in all for each thing); where things lie over each other, the cell belongs to the smallest.
    """

    def __init__(self, target_BM6: Tensor, classes: int, cells: torch.Size, stride: int) -> None:
        kind_BM, edges_BM4, ignored_BM = target_BM6[..., 0].long(), target_BM6[..., 1:5], target_BM6[..., 5] > 0
        real_BM = (kind_BM >= 0) & ~ignored_BM
        low_BM2, high_BM2 = edges_BM4.split(2, -1)
        middle_BM2, half_BM2 = (low_BM2 + high_BM2) / 2, ((high_BM2 - low_BM2) * SHRUNK / 2).clamp(min=stride / 2)
        inside_BMHW = _inside(middle_BM2 - half_BM2, middle_BM2 + half_BM2, cells, stride) & real_BM[..., None, None]
        size_BM2 = (high_BM2 - low_BM2).clamp(min=1.0)
        area_BMHW = size_BM2.prod(-1)[..., None, None].expand_as(inside_BMHW).masked_fill(~inside_BMHW, torch.inf)
        owner_BHW = area_BMHW.argmin(1)
        mine_BMHW = inside_BMHW & (torch.arange(kind_BM.shape[1], device=kind_BM.device)[:, None, None]
                                   == owner_BHW[:, None])
        count_BM = mine_BMHW.sum((2, 3))
        one_hot_BMK = (kind_BM[..., None] == torch.arange(classes, device=kind_BM.device)).float()
        self.count = (count_BM > 0).sum()
        self.coverage_BKHW = (torch.einsum("bmhw,bmk->bkhw", inside_BMHW.float(), one_hot_BMK) > 0).float()
        self.edges_B4HW, self.size_B4HW, self.weight_BHW = (
            torch.einsum("bmhw,bmv->bvhw", mine_BMHW.float(), values)
            for values in (edges_BM4, torch.cat([size_BM2, size_BM2], -1), (1 / count_BM.clamp(min=1))[..., None]))
        self.weight_BHW = self.weight_BHW[:, 0]
        self.size_B4HW = self.size_B4HW.clamp(min=1.0)
        unknown_BMK = torch.where((kind_BM < 0)[..., None], 1.0, one_hot_BMK) * ignored_BM[..., None]
        region_BMHW = _inside(low_BM2, high_BM2, cells, stride).float()
        unknown_BKHW = torch.einsum("bmhw,bmk->bkhw", region_BMHW, unknown_BMK) > 0
        self.counts_BKHW = (~unknown_BKHW | (self.coverage_BKHW > 0)).float()


def _inside(low_BM2: Tensor, high_BM2: Tensor, cells: torch.Size, stride: int) -> Tensor:
    """Which cells (B, M, H, W) have their middle between two corners."""
    y_H, x_W = ((torch.arange(count, device=low_BM2.device) + 0.5) * stride for count in cells)
    across = (x_W >= low_BM2[..., :1]) & (x_W <= high_BM2[..., :1])
    down = (y_H >= low_BM2[..., 1:]) & (y_H <= high_BM2[..., 1:])
    return down[..., :, None] & across[..., None, :]
